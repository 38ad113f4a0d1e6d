//! Searching.

use tincan_engine::store::Op;
use tincan_engine::{Delivery, MessageView, Query};

use crate::compare::{holds, same};
use crate::random::Random;
use crate::samples::{id, ranges, theirs, user};
use crate::{Disk, Outcome, Subject};

/// One message of theirs for each text.
async fn write<S: Subject>(disk: &mut Disk<S>, texts: &[(u8, &str)]) -> Outcome {
    let message = |(s, (contact, text)): (u64, &(u8, &str))| MessageView {
        content: (*text).to_owned(),
        ..theirs(user(*contact), s)
    };
    disk.append((1..).zip(texts).map(message).collect()).await
}

pub(crate) async fn newest_message_comes_first<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    write(disk, &[(1, "tea one"), (2, "tea two"), (1, "coffee"), (1, "tea three")]).await?;
    same(disk.search("tea", None).await?, vec!["tea three", "tea two", "tea one"], "all")?;
    same(disk.search("tea", Some(user(1))).await?, vec!["tea three", "tea one"], "of one")?;
    same(disk.search("tea", Some(user(9))).await?, Vec::<String>::new(), "of a stranger")?;
    // Newest is what came last, whatever its place in the conversation.
    let old = MessageView { content: "tea four".into(), h: 3, id: id(0), ..theirs(user(2), 9) };
    disk.append(vec![old]).await?;
    let expected = vec!["tea four", "tea three", "tea two", "tea one"];
    same(disk.search("tea", None).await?, expected, "one that came late")
}

pub(crate) async fn what_was_written_after_a_search_is_in_the_next<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[(1, "first word")]).await?;
    same(disk.search("word", None).await?.len(), 1, "one")?;
    let next = MessageView { content: "next word".into(), ..theirs(user(1), 2) };
    disk.append(vec![next]).await?;
    same(disk.search("word", None).await?, vec!["next word", "first word"], "both")?;
    disk.reopen().await?;
    same(disk.search("word", None).await?, vec!["next word", "first word"], "after a restart")
}

pub(crate) async fn both_sides_are_found_whole_with_their_state<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let ours = MessageView { content: "hello from us".into(), ..disk.ours(user(1), 1) };
    let acked = Op::AddAcked { contact: user(1), s: ranges(&[(1, 1)]) };
    disk.save(vec![Op::Append(ours.clone()), acked]).await?;
    let query = Query::Search { text: "hello".into(), contact: None, limit: 1 };
    let expected = MessageView { state: Delivery::Delivered, ..ours };
    same(disk.messages(query).await?, (vec![expected], false), "ours")
}

pub(crate) async fn limit_is_kept_and_more_is_told<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    write(disk, &[(1, "a"), (1, "a"), (1, "a")]).await?;
    for (limit, expected) in [(1, (1, true)), (2, (2, true)), (3, (3, false)), (4, (3, false))] {
        let query = Query::Search { text: "a".to_owned(), contact: None, limit };
        let (messages, more) = disk.messages(query).await?;
        same((messages.len(), more), expected, "a page")?;
    }
    Ok(())
}

pub(crate) async fn many_messages_are_indexed_in_steps<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    // In commits of many sizes, and some of them out of order.
    let (mut next, mut size) = (1, 1);
    let place = |s: u64| if s.is_multiple_of(97) { 10_000 - s } else { 1_000 + s };
    while next <= 4_700 {
        let end = (next + size).min(4_701);
        let message = |s| MessageView { h: place(s), ..theirs(user((s % 3) as u8 + 1), s) };
        disk.append((next..end).map(message).collect()).await?;
        (next, size) = (end, size * 2 % 1_500 + 1);
    }
    for _ in 0..2 {
        same(disk.search("message 1700", None).await?, vec!["message 1700"], "one")?;
        same(disk.search("message 46", None).await?.len(), 1 + 10 + 100, "a beginning")?;
        let found = disk.search("message 46", Some(user(2))).await?;
        let of_one = |s: &u64| s % 3 == 1 && s.to_string().starts_with("46");
        let expected: Vec<String> =
            (1..=4_700).rev().filter(of_one).map(|s| format!("message {s}")).collect();
        same(found, expected, "a beginning, of one")?;
        let starts_with_2 = |s: &u64| s.to_string().starts_with('2');
        let expected: Vec<String> = (1..=4_700)
            .rev()
            .filter(starts_with_2)
            .take(1_000)
            .map(|s| format!("message {s}"))
            .collect();
        same(disk.search("message 2", None).await?, expected, "from the newest to older ones")?;
        let query = Query::Search { text: "message".into(), contact: None, limit: 1_000 };
        let (messages, more) = disk.messages(query).await?;
        let positions: Vec<u64> = messages.iter().map(|message| message.s).collect();
        let newest: Vec<u64> = (3_701..=4_700).rev().collect();
        same((positions, more), (newest, true), "all")?;
        disk.reopen().await?;
    }
    Ok(())
}

async fn check<S: Subject>(disk: &mut Disk<S>, text: &str, questions: &[(&str, bool)]) -> Outcome {
    disk.subject.fresh().await?;
    write(disk, &[(1, text)]).await?;
    for (question, found) in questions {
        let count = usize::from(*found);
        let what = format!("{question} in {text}");
        same(disk.search(question, None).await?.len(), count, &what)?;
    }
    Ok(())
}

pub(crate) async fn words_of_many_scripts_are_found<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let facts: [(&str, &[(&str, bool)]); 19] = [
        ("Où est la crème brûlée?", &[("ou creme brulee", true)]),
        ("creme", &[("crème", true)]),
        ("Ελληνικά, Σίσυφος", &[("ελληνικα σισυφος", true)]),
        ("Ёлка и йод", &[("елка иод", true)]),
        (
            "我们明天去北京吃饭",
            &[("北京", true), ("饭", true), ("京北", false), ("北京 明天", true)],
        ),
        ("今日は東京タワーに行きました", &[("タワー", true), ("ガ", false)]),
        ("ขอบคุณมากครับ", &[("มาก", true)]),
        ("សួស្តីពិភពលោក", &[("ពិភព", true)]),
        ("안녕하세요 세계", &[("세", true), ("녕", false)]),
        ("مُحَمَّد يكتب رسالة", &[("محمد رسالة", true)]),
        ("שָׁלוֹם עולם", &[("שלום", true)]),
        ("नमस्ते दुनिया", &[("दुनिया", true), ("नम", true), ("नमस्ते", true)]),
        ("ሰላም ዓለም", &[("ዓለም", true)]),
        ("well done 🎉👍🏽", &[("🎉", true), ("👍", true), ("❤", false)]),
        ("I ❤\u{fe0f} you", &[("❤", true)]),
        ("party🎉now", &[("now", true), ("party", true)]),
        ("ＢＲÛＬÉＥ e\u{301}", &[("brulee", true), ("é", true)]),
        ("İstanbul STRASSE ß", &[("istanbul", true), ("strasse", true), ("ß", true)]),
        ("zero\u{200d}width and soft\u{ad}hyphen", &[("zerowidth softhyphen", true)]),
    ];
    for (text, questions) in facts {
        check(disk, text, questions).await?;
    }
    Ok(())
}

pub(crate) async fn words_of_a_question_are_plain_words<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let facts: [(&str, &[(&str, bool)]); 9] = [
        (
            "The quick brown fox",
            &[
                ("BROWN quick", true),
                ("brown cat", false),
                ("quick  ,  fox !", true),
                ("quick  ,  fo !", false),
            ],
        ),
        (
            "extraordinary weather",
            &[("weather extra", true), ("extra weather", false), ("ordinary", false)],
        ),
        ("to be OR not to be", &[("OR", true), ("be-or", true), ("be-not", false)]),
        ("cats and dogs", &[("cats NOT dogs", false), ("cats* dog", true)]),
        ("say \"hello\" now", &[("\"hello\"", true)]),
        ("it's (fine)", &[("it's (fi", true), ("its", false)]),
        ("content here", &[("conversation : c0", false), ("c0", false)]),
        ("a-b c+d", &[("a-b", true), ("b-c", true), ("a-c", false)]),
        ("NEAR(a b)", &[("NEAR(a b, 3)", false), ("snake_case", false)]),
    ];
    for (text, questions) in facts {
        check(disk, text, questions).await?;
    }
    Ok(())
}

pub(crate) async fn question_without_words_finds_nothing<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let questions = ["", "   ", "!?", "\"", "\"\"", "*", "\0", "()", "^"];
    check(disk, "anything", &questions.map(|question| (question, false))).await
}

pub(crate) async fn endless_question_is_cut<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    check(disk, "長い長い", &[(&"長い".repeat(100_000), false)]).await?;
    check(disk, "a a", &[(&"a ".repeat(100_000), true)]).await?;
    check(disk, "a", &[(&format!("{}b", "a ".repeat(32)), true)]).await
}

pub(crate) async fn no_question_is_an_error<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    write(disk, &[(1, "some text"), (2, "más texto")]).await?;
    let mut random = Random::new(3);
    for _ in 0..300 {
        let text: String = random
            .list(20, |random| {
                let top = if random.flag() { 0x7f } else { 0x20000 };
                char::from_u32(random.below(top) as u32).unwrap_or('"')
            })
            .into_iter()
            .collect();
        for contact in [None, Some(user(1))] {
            let query = Query::Search { text: text.clone(), contact, limit: 10 };
            let answer = disk.query(query).await;
            holds(answer.is_ok(), &format!("{text:?} gives {answer:?}"))?;
        }
    }
    Ok(())
}
