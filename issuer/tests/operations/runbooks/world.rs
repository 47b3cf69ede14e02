//! Where a runbook is walked through: a data folder, an issuer that serves it, and a shell in which commands are typed.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use edgeward_issuer::config::Config;

use super::page::{Step, is_shown, steps};
use crate::{desk::Desk, folder::Folder, port::free_port};

/// Stands between the outputs of two steps; nothing prints it otherwise.
const MARK: &str = "\u{1}step ended with ";

/// So many seconds a page may take. Then the shell is ended, and the issuer with it.
const PATIENCE: &str = "300";

/// What is typed before a page, as `README.md` there says: the service as systemd has it, with `LimitCORE=0`, and Cloudflare's tool, which takes a secret on its standard input.
/// The issuer is a child of the shell, so it ends with it. Who asks whether it is ready asks until it is, for what it writes by itself may
/// make a check late; where it never is, the shell is ended.
const PRELUDE: &str = r#"
exec 2>&1 </dev/null
umask 077
ulimit -c 0
systemctl() {
    case $1 in stop | restart) [ -z "$SERVING" ] || { kill "$SERVING"; wait "$SERVING"; SERVING=; } ;; esac
    case $1 in start | restart)
        edgeward serve >"$LOG" 2>&1 &
        SERVING=$!
        until curl --fail --silent --output "$LOG.ready" "$ISSUER/readyz"; do
            kill -0 "$SERVING" 2>/dev/null || { cat "$LOG"; return 1; }
            sleep 0.1
        done ;;
    esac
    case $* in "show --property MainPID --value edgeward") echo "$SERVING" ;; esac
}
npx() {
    [ "$*" = "wrangler secret put EDGE_KEY" ] && grep -q '^edge1\.' && echo "Success! Uploaded secret EDGE_KEY"
}
curl() {
    case $* in
        "-s $ISSUER/readyz") until command curl --fail -s "$ISSUER/readyz"; do sleep 0.1; done ;;
        *) command curl "$@" ;;
    esac
}
trap 'systemctl stop' EXIT
systemctl start
"#;

pub(super) struct World {
    folder: Folder,
    variables: Vec<(String, String)>,
    /// What happens to the issuer that serves, before anybody types.
    misfortune: String,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("backups")).unwrap();
        let program = folder.path().join("bin/edgeward");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_edgeward"), program).unwrap();
        fs::write(folder.path().join("edgeward.toml"), "").unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let programs = format!("{}:{}", path("bin"), env::var("PATH").unwrap());
        let variables = [
            ("PATH", programs),
            ("EDGEWARD_CONFIG", path("edgeward.toml")),
            ("EDGEWARD_DATA", path("data")),
            ("EDGEWARD__SERVER__LISTEN", address.to_string()),
            ("ISSUER", format!("http://{address}")),
            ("BACKUPS", path("backups")),
            ("LOG", path("log")),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Self {
            folder,
            variables: variables.into(),
            misfortune: String::new(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Somebody who signs in here has their session in the data folder of the world.
    pub(super) async fn desk(&self, change: impl FnOnce(&mut Config)) -> Desk {
        let data = self.path("data");
        Desk::open_with(|config| {
            *config = Config::defaults(&data);
            config.passwords.argon2.memory_kib = 8;
            change(config);
        })
        .await
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Writes the configuration file.
    pub(super) fn configure(&self, text: &str) {
        fs::write(self.path("edgeward.toml"), text).unwrap();
    }

    /// Lets this happen to an issuer that serves.
    pub(super) fn happens(&mut self, what: &str) {
        self.misfortune = format!("{what}\n");
    }

    /// Types this while no issuer serves; what was printed.
    #[track_caller]
    pub(super) fn prepare(&self, commands: &str) -> String {
        let typed = self.type_in(commands);
        assert!(typed.status.success(), "{typed:?}");
        String::from_utf8(typed.stdout).unwrap()
    }

    fn type_in(&self, script: &str) -> Output {
        let file = self.path("typed");
        fs::write(&file, script).unwrap();
        Command::new("timeout")
            .args([PATIENCE, "sh"])
            .arg(file)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Types every command of a page, or of one part of it, while the issuer serves. Fails where one fails or prints something
    /// else than the page shows.
    #[track_caller]
    pub(super) fn walk(&self, page: &str, part: Option<&str>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/runbooks")
            .join(page);
        let steps = steps(&fs::read_to_string(path).unwrap(), part);
        assert!(!steps.is_empty(), "{page} has no commands below {part:?}");
        let mut script = format!("{PRELUDE}{}", self.misfortune);
        for Step { command, .. } in &steps {
            script.push_str(&format!("{command}\nprintf '\\n{MARK}%s\\n' \"$?\"\n"));
        }
        let typed = self.type_in(&script);
        let printed = String::from_utf8_lossy(&typed.stdout);
        let mut outputs = printed.split(MARK);
        let mut output = outputs.next().unwrap_or_default();
        for step in &steps {
            let next = outputs.next().unwrap_or("nothing: the shell ended");
            let (code, after) = next.split_once('\n').unwrap_or((next, ""));
            let lines: Vec<&str> = output.trim_end().lines().collect();
            let place = format!("{page}:{}: {}", step.line, step.command);
            assert_eq!(code, "0", "{place}\nprinted\n{output}");
            assert!(
                is_shown(&step.shown, &lines),
                "{place}\nis said to print\n{}\nand printed\n{output}",
                step.shown.join("\n")
            );
            output = after;
        }
    }
}
