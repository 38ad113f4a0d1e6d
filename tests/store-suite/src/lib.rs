//! What every store must do. The cases run on SQLite in `cargo test -p tincan-node`, and on
//! IndexedDB in real browsers.
//!
//! A shell implements [`Subject`] for its store and runs [`cases`]. A case does not panic but
//! says what is wrong, since in a browser a panic would be the end of all cases.

mod compare;
mod disk;
mod history;
mod model;
mod operations;
mod outbox;
mod random;
mod samples;
mod search;
mod settings;
mod transactions;
mod volume;

use std::pin::Pin;

use tincan_engine::store::{Op, OutboxPage, Snapshot, Stored};
use tincan_engine::{Answer, Query, StoreFailure};
use tincan_wire::UserId;

pub use disk::Disk;

/// A store under test. It is used by one case at a time.
#[expect(async_fn_in_trait, reason = "every user is single-threaded")]
pub trait Subject {
    /// Begins anew with an empty store, open.
    async fn fresh(&mut self) -> Outcome;

    /// As after a restart: closes the store and opens it again.
    async fn reopen(&mut self) -> Outcome;

    /// What the engine was told at the last opening.
    fn snapshot(&self) -> &Snapshot;

    /// Submits all of them without waiting, then waits for all answers, which must come in this
    /// order. An `Err` says what else went wrong.
    async fn run_together(
        &mut self,
        transactions: Vec<Vec<Op>>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String>;

    /// As `run_together`, with a question for the outbox after the first `before` transactions.
    async fn ask_between(
        &mut self,
        transactions: Vec<Vec<Op>>,
        before: usize,
        question: OutboxQuestion,
    ) -> Result<OutboxPage, String>;

    /// Submits all of them without waiting, closes the store, submits `late`, and waits for all
    /// answers, the last of which is that to `late`. The next call is `reopen`.
    async fn close_under(
        &mut self,
        transactions: Vec<Vec<Op>>,
        late: Vec<Op>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String>;

    /// A question of a screen.
    async fn query(&mut self, query: Query) -> Result<Answer, Refusal>;

    /// A setting of the shell.
    async fn setting(&mut self, key: &str) -> Option<String>;

    /// Sets or removes a setting of the shell.
    async fn set_setting(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreFailure>;
}

/// A question for a page of the outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxQuestion {
    /// To whom.
    pub contact: UserId,
    /// Positions above this one.
    pub after: u64,
    /// At most so many messages.
    pub limit: usize,
    /// Stop once their contents reach so many bytes.
    pub limit_bytes: usize,
}

/// Why a store gave no answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The limit is out of bounds.
    Limit,
    /// Something else, in its words.
    Other(String),
}

/// What became of a case: an `Err` says what is wrong.
pub type Outcome = Result<(), String>;

type Run<S> = for<'a> fn(&'a mut Disk<S>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A fact that must hold for a store.
pub struct Case<S: Subject> {
    /// The fact.
    pub name: &'static str,
    run: Run<S>,
}

impl<S: Subject> Case<S> {
    /// Runs it on an empty store.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn run(&self, disk: &mut Disk<S>) -> Outcome {
        disk.subject.fresh().await?;
        (self.run)(disk).await
    }
}

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// All cases, in the order in which they are best read.
        #[must_use]
        pub fn cases<S: Subject>() -> Vec<Case<S>> {
            vec![$($(Case {
                name: concat!(stringify!($module), "::", stringify!($name)),
                run: |disk| Box::pin($module::$name(disk)),
            }),+),+]
        }
    };
}

cases! {
    operations:
        identity_is_made_once_and_differs_between_stores,
        epoch_never_goes_back,
        name_is_replaced,
        contact_is_kept_with_every_field,
        contact_is_replaced_whole,
        every_contact_status_is_kept,
        request_is_kept_replaced_and_removed,
        invite_is_kept_replaced_and_removed,
        prekey_is_kept_and_removed,
        replay_position_only_rises,
        replay_positions_are_per_peer_device_and_leaf,
        replay_positions_of_old_runs_go,
        append_moves_what_was_written_and_the_place_in_the_conversation,
        append_is_kept_with_every_field,
        positions_held_are_added,
        each_log_of_a_contact_has_its_own_positions,
        acknowledged_positions_are_added,
        more_ranges_than_fit_into_a_frame_are_kept,
        read_positions_never_go_back,
        failure_of_messages_that_are_not_there_is_nothing,
        failure_is_kept_and_touches_only_ours;
    transactions:
        what_waits_together_is_answered_in_order,
        failed_transaction_fails_alone_and_whole,
        transaction_that_fails_by_itself_leaves_nothing,
        repeated_append_is_reported_with_whether_it_is_the_same,
        repetition_is_found_after_a_restart_and_among_many,
        repetition_within_a_group_is_found,
        stored_message_can_be_read_at_once,
        everything_submitted_before_the_close_is_durable_and_nothing_after_it,
        state_follows_from_positions,
        state_of_theirs_follows_from_what_was_shown,
        message_can_fail_in_the_transaction_that_writes_it;
    history:
        unknown_contact_has_no_history,
        order_is_by_place_then_sender_then_id,
        order_does_not_depend_on_the_order_of_arrival,
        more_is_told_exactly,
        cursor_need_not_be_a_message,
        page_ends_early_when_it_would_be_too_large,
        limit_has_bounds,
        one_message_is_found_by_its_id_in_its_conversation,
        summaries_have_unread_and_last_in_the_order_of_ids,
        unread_counts_what_is_above_the_position_read;
    outbox:
        empty_outbox_has_looked_no_further_than_asked,
        page_begins_above_its_start_and_ends_at_its_limit,
        page_ends_when_its_bytes_are_reached,
        acknowledged_and_failed_are_left_out,
        positions_never_written_are_gaps,
        positions_written_out_of_order_come_in_order,
        acknowledgement_beyond_what_was_written_harms_nothing,
        theirs_are_not_in_it_and_other_contacts_neither,
        question_sees_what_was_submitted_before_it_and_not_after_it,
        messages_come_whole,
        long_delivered_log_is_skipped;
    search:
        newest_message_comes_first,
        what_was_written_after_a_search_is_in_the_next,
        both_sides_are_found_whole_with_their_state,
        limit_is_kept_and_more_is_told,
        many_messages_are_indexed_in_steps,
        words_of_many_scripts_are_found,
        words_of_a_question_are_plain_words,
        question_without_words_finds_nothing,
        endless_question_is_cut,
        no_question_is_an_error;
    settings:
        setting_is_durable_when_it_is_set;
    model:
        store_is_as_its_model;
    volume:
        ten_thousand_messages_are_paged_whole,
        messages_out_of_order_are_all_there,
        hostile_places_and_ids_cost_nothing_but_themselves,
        ids_of_one_millisecond_in_many_commits_are_found;
}
