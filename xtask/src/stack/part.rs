//! What issuer, edge and demo app have in common: each is a program that runs or does not.

use crate::guard::Guarded;

/// The program of one part of the stack, if it runs.
#[derive(Debug, Default)]
pub(super) struct Part(Option<Guarded>);

impl Part {
    pub(super) fn runs(&self) -> bool {
        self.0.is_some()
    }

    /// From now on this program is the part.
    pub(super) fn is_now(&mut self, program: Guarded) {
        self.0 = Some(program);
    }

    /// Stops it and waits until it is gone.
    pub(super) fn stop(&mut self) {
        drop(self.0.take());
    }

    /// Asks it to stop without waiting.
    pub(super) fn begin_stop(&mut self) {
        if let Some(program) = &mut self.0 {
            program.begin_stop();
        }
    }

    /// How it ended, for a person, if it did so by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        let program = self.0.as_mut()?;
        let status = program.ended()?;
        let (name, tail) = (program.name(), program.log_tail());
        Some(format!("the {name} ended with {status}; {tail}"))
    }
}
