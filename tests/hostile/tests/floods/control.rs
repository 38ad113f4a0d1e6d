//! Lines to Bob's control socket, from a program of the same user.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::gauge::FLOOD_BYTES;
use crate::scene::Scene;

/// For a connection one line of 128 KiB, 256 answers of a few KiB that wait and 64 KiB that are
/// written; and the same for the allocator.
const CONTROL_BOUND: usize = 8 * 1024 * 1024;

async fn connect(scene: &Scene) -> UnixStream {
    UnixStream::connect(scene.node.home().join("control.sock")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_without_an_end_take_no_memory() {
    let scene = Scene::new().await.unwrap();
    let gauge = scene.gauge("control lines without an end");
    let (mut sent, piece) = (0, vec![b'x'; 64 * 1024]);
    while sent < FLOOD_BYTES {
        let mut stream = connect(&scene).await;
        while let Ok(count) = stream.write(&piece).await {
            sent += count;
        }
    }
    scene.end(gauge, CONTROL_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_as_fast_as_they_are_answered_take_no_memory() {
    let scene = Scene::new().await.unwrap();
    let gauge = scene.gauge("control requests");
    let (reader, mut writer) = connect(&scene).await.into_split();
    let fill = "x".repeat(16_000);
    let lines = FLOOD_BYTES / fill.len();
    let ask = async {
        for id in 0..lines {
            let what =
                [r#""query":"summaries""#, r#""command":"get_status""#, r#""shell":"status""#];
            let line = format!("{{\"id\":{id},{},\"fill\":\"{fill}\"}}\n", what[id % 3]);
            writer.write_all(line.as_bytes()).await.unwrap();
        }
    };
    let hear = async {
        let mut answers = BufReader::new(reader).lines();
        for _ in 0..lines {
            let line = answers.next_line().await.unwrap().expect("an answer to each");
            // Only so many questions wait for the disk.
            assert!(line.contains("\"ok\"") || line.contains("\"busy\""), "{line}");
        }
    };
    tokio::join!(ask, hear);
    scene.end(gauge, CONTROL_BOUND).await.unwrap();
}

/// Asks without reading an answer until no more is taken, and then reads one.
async fn ask_and_never_read(scene: &Scene, what: &str) {
    let mut stream = connect(scene).await;
    let line = format!("{{\"id\":1,{what},\"fill\":\"{}\"}}\n", "x".repeat(16_000));
    let mut sent = 0;
    let pause = std::time::Duration::from_secs(2);
    while let Ok(written) = tokio::time::timeout(pause, stream.write_all(line.as_bytes())).await {
        written.unwrap();
        sent += line.len();
        assert!(sent < FLOOD_BYTES, "it takes requests without end");
    }
    let mut answers = vec![0; 1_000];
    assert!(stream.read(&mut answers).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_is_not_read_either() {
    let scene = Scene::new().await.unwrap();
    let gauge = scene.gauge("control requests whose answers nobody reads");
    ask_and_never_read(&scene, r#""command":"get_status""#).await;
    scene.end(gauge, CONTROL_BOUND).await.unwrap();
}

/// Eight pages of 1 MiB, each as rows, as a value of JSON and as a line.
const PAGES_BOUND: usize = CONTROL_BOUND + 8 * 4 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_pages_that_nobody_reads_few_are_made() {
    let scene = Scene::new().await.unwrap();
    let mut last = None;
    for _ in 0..70 {
        last = Some(scene.alice.handle().send(scene.bob.id(), &"x".repeat(16_000)).await.unwrap());
    }
    scene.alice.delivered(&last.unwrap()).await.unwrap();
    let gauge = scene.gauge("control: pages that nobody reads");
    let contact = scene.alice.id();
    let what = format!(r#""query":"history","contact":"{contact}","before":null,"limit":1000"#);
    ask_and_never_read(&scene, &what).await;
    scene.end(gauge, PAGES_BOUND).await.unwrap();
}
