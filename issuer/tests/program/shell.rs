//! Commands, as an operator types them one after another.

use std::{path::Path, process::Command};

use super::{Ran, edgeward, run};
use crate::folder::Folder;

/// A folder of one test, in which commands are typed.
pub(crate) struct Shell {
    folder: Folder,
    variables: Vec<(&'static str, &'static str)>,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Where these variables are set.
    pub(crate) fn with(variables: &[(&'static str, &'static str)]) -> Self {
        Self {
            folder: Folder::new(),
            variables: variables.to_vec(),
        }
    }

    /// With a database that no issuer has served from yet.
    pub(crate) fn migrated(self) -> Self {
        self.done(&["migrate", "up"]);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = edgeward(self.path());
        command.args(args).envs(self.variables.iter().copied());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// With this standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        run(&mut self.command(args), input.as_bytes())
    }

    /// What a command that does its work says.
    #[track_caller]
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.out
    }

    /// Expects that a command does nothing, and says why.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], input: &str, why: &str) {
        let ran = self.run_with(args, input);
        assert_eq!(ran.code, Some(1), "{args:?}: {ran:?}");
        assert!(ran.err.contains(why) && ran.out.is_empty(), "{ran:?}");
    }
}
