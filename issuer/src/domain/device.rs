//! Devices: what is remembered of the program and the place of a sign-in, and by what both are known again.

use std::{fmt, net::IpAddr};

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::gate::neighbourhood;
use zeroize::Zeroizing;

use super::session::{Digest, SECRET_BYTES};

/// A stored user agent is cut here: longer ones are made by nobody honest, and the list shows it.
const USER_AGENT_MAX_BYTES: usize = 256;

/// The longest name of a product that is shown; longer ones are nobody's.
const PRODUCT_MAX_BYTES: usize = 64;

/// The neighbourhood of an address: /24 of IPv4, /48 of IPv6. A whole address is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRange(String);

impl AddressRange {
    /// The range of an address. An IPv4 address in IPv6 clothing is taken as IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let (first, prefix) = neighbourhood(address);
        Self(format!("{first}/{prefix}"))
    }

    /// Takes what the database holds.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As `192.0.2.0/24` or `2001:db8::/48`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of the device cookie. It opens nothing; who has it is only taken for the same browser as before.
#[derive(Clone)]
pub struct DeviceSecret(Zeroizing<String>);

impl DeviceSecret {
    /// A new value.
    #[must_use]
    pub fn from_random(random: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(&random)))
    }

    /// Takes the value of a cookie if it has the form of ours; another one is as none.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        let mut bytes = [0; SECRET_BYTES];
        let decoded = Base64UrlUnpadded::decode(value, &mut bytes).ok()?;
        (decoded.len() == SECRET_BYTES).then(|| Self(Zeroizing::new(value.to_owned())))
    }

    /// The text for the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest for the database.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(redacted)")
    }
}

/// By what a device is known again: its cookie if it has one, else the family of its user agent. Never the address,
/// which a telephone changes while it is carried along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMark {
    /// The digest of the device cookie.
    pub cookie: Option<Digest>,
    /// The digest of the device's name.
    pub program: Digest,
}

impl DeviceMark {
    /// Whether a request with the mark `other` comes from this device. Where one of them has a cookie, so must the other:
    /// a thief who took the refresh token alone must not pass for the browser that it was taken from.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        match (self.cookie, other.cookie) {
            (None, None) => self.program == other.program,
            (mine, theirs) => mine == theirs,
        }
    }
}

/// What is remembered of the program and the place of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The family of the user agent, as `Firefox on Linux`; what a person recognises in the list.
    pub name: String,
    /// The `User-Agent` as sent, without control characters and cut to 256 bytes.
    pub user_agent: String,
    /// By what it is known again.
    pub mark: DeviceMark,
    /// Where the request came from.
    pub address: AddressRange,
}

impl Device {
    /// The device of a request. `cookie` is the device cookie that it brought or that its answer sets.
    #[must_use]
    pub fn of_request(user_agent: &str, cookie: Option<&DeviceSecret>, address: IpAddr) -> Self {
        let name = device_name(user_agent);
        let mut kept: String = user_agent.chars().filter(|c| !c.is_control()).collect();
        let mut end = USER_AGENT_MAX_BYTES.min(kept.len());
        while !kept.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        kept.truncate(end);
        Self {
            mark: DeviceMark {
                cookie: cookie.map(DeviceSecret::digest),
                program: Digest::of(&name),
            },
            name,
            user_agent: kept,
            address: AddressRange::of(address),
        }
    }

    /// The same for a caller that keeps its tokens itself: it has no cookies, so it is known by its program.
    #[must_use]
    pub fn without_cookie(mut self) -> Self {
        self.mark.cookie = None;
        self
    }
}

/// Programs by the mark that tells them. The first that occurs wins: Edge and Opera name Chrome too, Chrome names Safari, and
/// everything names Mozilla.
const PROGRAMS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// The name of what says nothing of itself.
const UNKNOWN: &str = "Unknown device";

/// Stands between the two halves of a name.
const ON: &str = " on ";

/// The browser, or what else signed in, and the system it runs on, as far as a device's name has them.
#[must_use]
pub fn browser_and_system(name: &str) -> (Option<&str>, Option<&str>) {
    match name.split_once(ON) {
        Some((browser, system)) => (Some(browser), Some(system)),
        None if name == UNKNOWN || name.is_empty() => (None, None),
        None if SYSTEMS.iter().any(|(_, system)| *system == name) => (None, Some(name)),
        None => (Some(name), None),
    }
}

/// The name as it may stand in a letter: any other than those of the lists is a text that the sender of a request chose, an
/// address of a page for example.
#[must_use]
pub fn listed_name(name: &str) -> Option<&str> {
    let is_of = |list: &[(&str, &str)], name: Option<&str>| match name {
        Some(name) => list.iter().any(|(_, listed)| *listed == name),
        None => true,
    };
    let (program, system) = browser_and_system(name);
    let told = program.is_some() || system.is_some();
    (told && is_of(&PROGRAMS, program) && is_of(&SYSTEMS, system)).then_some(name)
}

/// Tells browsers apart as far as a person needs it.
fn device_name(user_agent: &str) -> String {
    let find = |marks: &[(&str, &'static str)]| {
        marks
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&PROGRAMS), find(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program}{ON}{system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => product(user_agent).unwrap_or_else(|| UNKNOWN.to_owned()),
    }
}

/// The first product of a user agent without its version (RFC 9110, section 10.1.5), so that programs which are no browser are
/// told apart as well.
fn product(user_agent: &str) -> Option<String> {
    let name = user_agent.split(['/', ' ']).next()?;
    let is_name = |name: &str| {
        (1..=PRODUCT_MAX_BYTES).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    is_name(name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_only_its_neighbourhood() {
        for (address, range) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(AddressRange::of(address.parse().unwrap()).as_str(), range);
        }
    }

    #[test]
    fn a_device_has_the_name_a_person_would_give_it() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32.3", "python-requests"),
            ("MyApp/1.0 (build 7)", "MyApp"),
            ("Thief/6.6", "Thief"),
            ("", "Unknown device"),
            ("<script>/1", "Unknown device"),
            (&"a".repeat(65), "Unknown device"),
        ] {
            assert_eq!(device_name(user_agent), name, "{user_agent}");
        }
    }

    #[test]
    fn a_name_says_which_browser_on_which_system() {
        for (name, expected) in [
            ("Firefox on Linux", (Some("Firefox"), Some("Linux"))),
            ("curl", (Some("curl"), None)),
            ("Android", (None, Some("Android"))),
            ("Unknown device", (None, None)),
            ("", (None, None)),
        ] {
            assert_eq!(browser_and_system(name), expected, "{name}");
        }
    }

    #[test]
    fn only_names_of_the_lists_stand_in_letters() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some("Firefox on Linux"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("Dalvik/2.1.0 (Linux; U; Android 10)", Some("Android")),
            ("www.evil.example/1", None),
            ("Linux.evil.example", Some("Linux")),
            ("call-0900-12345", None),
            ("", None),
        ] {
            assert_eq!(listed_name(&device_name(user_agent)), name, "{user_agent}");
        }
        for stored in [
            "evil on Linux",
            "Firefox on evil",
            "Firefox on Linux on evil",
        ] {
            assert_eq!(listed_name(stored), None, "{stored}");
        }
    }

    #[test]
    fn a_user_agent_is_cut_at_a_character_and_loses_its_control_characters() {
        let address = "192.0.2.1".parse().unwrap();
        let device = Device::of_request(&format!("a\u{7}{}", "é".repeat(200)), None, address);
        assert_eq!(device.user_agent.len(), 255, "256 would cut an é in two");
        assert!(device.user_agent.starts_with("aé"));
    }

    #[test]
    fn a_device_is_known_by_its_cookie_or_else_by_its_program() {
        let mark = |cookie: Option<&str>, program| DeviceMark {
            cookie: cookie.map(Digest::of),
            program: Digest::of(program),
        };
        for (known, shown, same) in [
            ((Some("c"), "Firefox"), (Some("c"), "Firefox"), true),
            ((Some("c"), "Firefox"), (Some("c"), "Chrome"), true),
            ((Some("c"), "Firefox"), (Some("d"), "Firefox"), false),
            ((Some("c"), "Firefox"), (None, "Firefox"), false),
            ((None, "Firefox"), (None, "Firefox"), true),
            ((None, "Firefox"), (Some("c"), "Firefox"), false),
            ((None, "Firefox"), (None, "Chrome"), false),
        ] {
            let (known, shown) = (mark(known.0, known.1), mark(shown.0, shown.1));
            assert_eq!(known.is_of(&shown), same, "{known:?} {shown:?}");
        }
    }

    #[test]
    fn only_a_value_of_our_form_is_a_device_cookie() {
        let own = DeviceSecret::from_random([7; SECRET_BYTES]);
        let read = DeviceSecret::from_cookie(own.reveal()).unwrap();
        assert_eq!(read.digest(), own.digest());
        assert_eq!(format!("{own:?}"), "DeviceSecret(redacted)");
        let long = own.reveal().repeat(2);
        for other in ["", "short", &own.reveal()[1..], &long, &"é".repeat(21)] {
            assert!(DeviceSecret::from_cookie(other).is_none(), "{other}");
        }
    }
}
