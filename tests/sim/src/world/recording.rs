//! What went into one run of an engine and a digest of what came out, to be played again.

use std::fmt::Write as _;

use tincan_engine::store::Snapshot;
use tincan_engine::{Config, Engine, Input, Output, Time};

/// One run of an engine.
pub(super) struct Recording {
    config: Config,
    snapshot: Snapshot,
    seed: [u8; 32],
    begun: Time,
    calls: Vec<(Time, Option<Input>)>,
    outputs: Digest,
}

impl Recording {
    pub(super) fn new(config: Config, snapshot: Snapshot, seed: [u8; 32], begun: Time) -> Self {
        Self { config, snapshot, seed, begun, calls: Vec::new(), outputs: Digest::default() }
    }

    /// An input, or `None` for a deadline.
    pub(super) fn call(&mut self, now: Time, input: Option<&Input>) {
        self.calls.push((now, input.cloned()));
    }

    pub(super) fn output(&mut self, output: &Output) {
        self.outputs.take(output);
    }

    /// Plays it again.
    ///
    /// # Errors
    /// Something else came out; in words.
    pub(super) fn replay(self) -> Result<(), String> {
        let count = self.calls.len();
        let mut engine = Engine::new(self.config, self.snapshot, self.seed, self.begun);
        let mut outputs = Digest::default();
        let mut drain = |engine: &mut Engine| {
            while outputs.count < self.outputs.count
                && let Some(output) = engine.poll()
            {
                outputs.take(&output);
            }
        };
        drain(&mut engine);
        for (now, input) in self.calls {
            match input {
                Some(input) => engine.handle(input, now),
                None => engine.handle_timeout(now),
            }
            drain(&mut engine);
        }
        if outputs == self.outputs {
            return Ok(());
        }
        Err(format!("{count} inputs again gave {outputs:?} and not {:?}", self.outputs))
    }
}

/// FNV-1a over what is told of the outputs.
#[derive(Debug, PartialEq, Eq)]
struct Digest {
    count: u64,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { count: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Digest {
    fn take(&mut self, output: &Output) {
        self.count += 1;
        // Writing to a digest cannot fail.
        let _ = write!(self, "{output:?}");
    }
}

impl std::fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
