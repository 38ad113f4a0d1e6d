//! Group commit: all transactions that wait when the disk is free become durable together, at
//! the price of one flush.

use rusqlite::Connection;
use tincan_engine::store::{Op, Stored, TransactionId};

use super::fault::Fault;
use super::operations::Operations;

/// A transaction that waits.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) ops: Vec<Op>,
}

/// What became of each transaction of a group, in their order.
pub(super) type Results = Vec<Result<Stored, Fault>>;

/// Makes all of them durable. One that fails for its own sake fails alone; where the disk
/// refuses, all of them fail for the same reason.
///
/// Almost always all succeed, and marking where each begins would cost as much as the writing.
/// So they are written without marks first, and again with a savepoint for each if one fails.
pub(super) fn commit(
    connection: &Connection,
    operations: &mut Operations,
    group: &[Transaction],
) -> Results {
    let results =
        attempt(connection, operations, |operations| together(connection, operations, group));
    match results {
        Ok(results) => results,
        Err(fault) if fault.is_general() || group.len() == 1 => all_fail(group, &fault),
        Err(_) => {
            attempt(connection, operations, |operations| one_by_one(connection, operations, group))
                .unwrap_or_else(|fault| all_fail(group, &fault))
        }
    }
}

/// Runs `body` in a transaction of the database; afterwards it is durable or undone.
pub(super) fn attempt<T, E: From<Fault>>(
    connection: &Connection,
    operations: &mut Operations,
    body: impl FnOnce(&mut Operations) -> Result<T, E>,
) -> Result<T, E> {
    let result = connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(|error| E::from(error.into()))
        .and_then(|()| body(operations))
        .and_then(|value| {
            operations.positions.write(connection)?;
            connection.execute_batch("COMMIT").map_err(Fault::from)?;
            Ok(value)
        });
    if result.is_err() {
        // SQLite undoes some failures by itself, and then has no transaction to roll back.
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        operations.positions.forget();
    }
    result
}

fn together(
    connection: &Connection,
    operations: &mut Operations,
    group: &[Transaction],
) -> Result<Results, Fault> {
    group.iter().map(|transaction| apply(connection, operations, transaction).map(Ok)).collect()
}

fn one_by_one(
    connection: &Connection,
    operations: &mut Operations,
    group: &[Transaction],
) -> Result<Results, Fault> {
    let mut results = Vec::with_capacity(group.len());
    for transaction in group {
        connection.execute_batch("SAVEPOINT one")?;
        let result = apply(connection, operations, transaction).and_then(|stored| {
            operations.positions.write(connection)?;
            Ok(stored)
        });
        match &result {
            Ok(_) => {}
            Err(fault) if fault.is_general() || connection.is_autocommit() => {
                return Err(fault.clone());
            }
            Err(_) => {
                connection.execute_batch("ROLLBACK TO one")?;
                // What the ones before it changed is written, so nothing of theirs is lost.
                operations.positions.forget();
            }
        }
        connection.execute_batch("RELEASE one")?;
        results.push(result);
    }
    Ok(results)
}

fn apply(
    connection: &Connection,
    operations: &mut Operations,
    transaction: &Transaction,
) -> Result<Stored, Fault> {
    let mut stored = Stored::default();
    for op in &transaction.ops {
        operations.apply(connection, op, &mut stored)?;
    }
    Ok(stored)
}

fn all_fail(group: &[Transaction], fault: &Fault) -> Results {
    group.iter().map(|_| Err(fault.clone())).collect()
}
