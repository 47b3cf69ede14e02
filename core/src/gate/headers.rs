//! Which request headers a client may send through the gate.
//!
//! The application believes what the edge says about the caller, so nothing that looks like such a statement may come
//! from the caller. Names are compared as the most generous reader would: without case, and with `_`, `.` and every
//! other odd character equal to `-` (CGI and WSGI make `X_User` and `X-User` the same variable).
//!
//! This module only names headers. The edge removes them, and afterwards sets its own.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

/// Refused by their whole name.
pub const REFUSED: &[&str] = &[
    // Hop by hop (RFC 9110, section 7.6.1): they concern this connection only.
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // Asks for another protocol together with `Upgrade` (RFC 7540, section 3.2.1), and would be all that is left of the question.
    "http2-settings",
    // Made anew for each connection. In another spelling (`Content_Length`) it would go on beside the new one, and servers that
    // fold names would find two ends of one request.
    "host",
    "content-length",
    "expect",
    // `Proxy:` becomes the variable HTTP_PROXY in CGI programs.
    "proxy",
    // The client's address and the way it came, as other proxies state them.
    "via",
    "client-ip",
    "cluster-client-ip",
    "do-connecting-ip",
    "fly-client-ip",
    "x-originating-ip",
    "x-proxyuser-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote-ip",
    "x-host",
    "x-http-host-override",
    "x-url",
    "x-request-id",
    "x-correlation-id",
    "x-original",
    // Who the caller is, as other gates state it.
    "x-email",
    "x-group",
    "x-groups",
    "x-role",
    "x-roles",
    "x-scope",
    "x-scopes",
    "x-scope-orgid",
    "x-subject",
    "x-principal",
    "x-identity",
    "x-username",
    "x-nf-client-connection-ip",
    "x-waws-unencoded-url",
    "x-client-dn",
    "ssl-client-cert",
    "x-access-token",
    "x-id-token",
    "x-jwt-assertion",
    "x-jwt-payload",
    "x-admin",
    "x-internal",
    "x-arr-clientcert",
    "x-endpoint-api-userinfo",
];

/// Refused by their whole name, too: by these frameworks take another page or another method than the one that was judged.
pub const ROUTING: &[&str] = &[
    // Which part of the path leads to the application and which to its page: gunicorn and Daphne cut one off the other.
    "script-name",
    "x-script-name",
    "path-info",
    "daphne-root-path",
    // Which route a framework's router has already chosen.
    "x-matched-path",
    "x-now-route-matches",
    "x-invoke-path",
    // The page in place of the address, and what middleware found out (CVE-2026-33768).
    "x-astro-path",
    "x-astro-locals",
    // Where WebDAV copies to or moves, which the policy did not judge (RFC 4918, section 10.3).
    "destination",
    // A method that the policy did not judge.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-method",
];

/// Refused by how they begin: whatever else these frameworks may be told in that way. Proxies that take away whole names only know
/// those in [`ROUTING`].
pub const ROUTING_PREFIXES: &[&str] = &["x-invoke-", "x-astro-"];

/// Refused by how they begin.
pub const REFUSED_PREFIXES: &[&str] = &[
    "edgeward-",
    "x-edgeward-",
    "proxy-",
    "forwarded",
    "x-forwarded",
    "x-forward-",
    "x-real-",
    "x-original-",
    "x-rewrite-",
    "x-envoy-",
    "x-proxy-",
    "fastly-client-",
    "x-azure-",
    "x-auth-request-",
    "x-auth-user",
    "x-auth-role",
    "x-auth-group",
    "x-auth-subject",
    "x-auth-audience",
    "x-sso-",
    "x-authenticated-",
    "x-user",
    "x-remote-",
    "remote-",
    "x-webauth-",
    "x-ssl-client",
    "x-client-verify",
    "x-client-cert",
    "ssl-client-",
    "x-tls-client-",
    // RFC 9440.
    "client-cert",
    "cloudfront-viewer-",
    "x-authentik-",
    "x-authelia-",
    "x-pomerium-",
    "x-clerk-",
    "tailscale-",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-amzn-oidc-",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-oauth-",
    "x-vouch-",
    "x-hasura-",
    "x-consumer-",
    "x-credential-",
    "x-anonymous-consumer",
    "x-apigateway-api-",
    "x-amzn-mtls-",
    "oidc-",
    "impersonate-",
    "sm-",
    "iv-",
    "oam-",
    "shib-",
    "wl-proxy-",
    "x-jwt-claim",
    "x-appengine-",
    // WebSphere's `$WSRU` and its like, whose `$` is folded as any other odd character.
    "-ws",
    // `x-middleware-subrequest` made a framework skip its own middleware (CVE-2025-29927).
    "x-middleware-",
    // They tell Rack and Plack which files a server in front would deliver (CVE-2025-61780, CVE-2026-7381).
    "x-accel-",
    "x-sendfile",
    "x-vercel-",
    // What Cloudflare says about the client; the edge reads it from the platform and passes on what it means.
    "cf-",
];

/// Whether a client may send a header of this name to what stands behind the gate. False for statements about identity
/// and origin, for loop guards and method overrides of frameworks, for hop-by-hop headers and for names that are no
/// RFC 9110 token. Headers named by `Connection` are refused besides, see [`impassable`].
#[must_use]
pub fn client_may_send(name: &str) -> bool {
    may_be_sent(name, &fold(name))
}

/// Of the names of a request's headers, the ones that may not go on: what no client may send, and what one of the
/// `connection` headers names as hop-by-hop (RFC 9110, section 7.6.1). Both comparisons fold. A client can only remove what
/// it sent itself: the edge sets its own headers afterwards.
pub fn impassable<'n>(
    names: impl IntoIterator<Item = &'n str>,
    connection: &[&str],
) -> Vec<&'n str> {
    // A set, because a request may bring thousands of both. Filled one by one: collecting sorts first, and a general sort is
    // five kilobytes of wasm.
    let mut named = BTreeSet::new();
    for option in connection.iter().flat_map(|value| value.split(',')) {
        named.insert(fold(option.trim()));
    }
    let stays = |name: &str| {
        let folded = fold(name);
        may_be_sent(name, &folded) && !named.contains(&folded)
    };
    names.into_iter().filter(|name| !stays(name)).collect()
}

fn may_be_sent(name: &str, folded: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !REFUSED.contains(&folded)
        && !leads_elsewhere(folded)
        && !begins_with_one_of(REFUSED_PREFIXES, folded)
}

/// Whether a framework may take another page or another method than the one that was judged by a header of this name, given in
/// lower case with `-` for every odd character.
#[must_use]
pub fn leads_elsewhere(folded: &str) -> bool {
    ROUTING.contains(&folded) || begins_with_one_of(ROUTING_PREFIXES, folded)
}

fn begins_with_one_of(prefixes: &[&str], folded: &str) -> bool {
    prefixes.iter().any(|prefix| folded.starts_with(prefix))
}

fn fold(name: &str) -> String {
    name.chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_about_the_caller_are_refused_in_every_spelling() {
        for name in [
            "Edgeward-User",
            "edgeward_user",
            "EDGEWARD-ASSERTION",
            "Edgeward-Proof",
            "X-Edgeward-Roles",
            "edgeward-test-clock",
            "X-Forwarded-For",
            "x_forwarded_host",
            "X-Forwarded-Uri",
            "X-Forwarded-Prefix",
            "x-forwarded",
            "Forwarded",
            "X-Real-IP",
            "X-Original-URL",
            "X-Original-URI",
            "X_Rewrite_URL",
            "X-Auth-Request-User",
            "x-auth-request_email",
            "X-User",
            "X.User",
            "X-User-Id",
            "X-Auth-Roles",
            "X-Auth-Groups",
            "X-Auth-Subject",
            "X-SSO-User",
            "X-Client-Cert-Chain",
            "X_USER_EMAIL",
            "Remote-User",
            "REMOTE_USER",
            "remote-groups",
            "x-middleware-subrequest",
            "X-Middleware-Rewrite",
            "CF-Connecting-IP",
            "cf-access-jwt-assertion",
            "Cf-Access-Authenticated-User-Email",
            "True-Client-IP",
            "X-HTTP-Method-Override",
            "Proxy",
            "X-Request-Id",
            "x-ssl-client-verify",
            "X-Sendfile-Type",
            "X_Accel_Mapping",
            "SCRIPT_NAME",
            "Client-Cert",
            "Client-Cert-Chain",
            "CloudFront-Viewer-Address",
            "X-NF-Client-Connection-IP",
            "X-TLS-Client-Subject",
            "X-WAWS-Unencoded-URL",
            "Path-Info",
            "Daphne-Root-Path",
            "x-astro-path",
            "X-Astro-Locals",
            "iv-user",
            "IV_GROUPS",
            "WL-Proxy-Client-Cert",
            "$WSRU",
            "OAM_REMOTE_USER",
            "Shib-Identity-Provider",
            "X-Scope-OrgID",
            "X-JWT-Claim-Sub",
            "X-AppEngine-User-IP",
            "Fly-Client-IP",
            "DO-Connecting-IP",
            "X-Originating-IP",
            "Cluster-Client-Ip",
            "X-ProxyUser-Ip",
            "X-MS-CLIENT-PRINCIPAL-ID",
            "X-Consumer-Username",
            "X-Credential-Identifier",
            "X-Anonymous-Consumer",
            "X-Apigateway-Api-Userinfo",
            "X-Endpoint-API-UserInfo",
            "X-Amzn-Mtls-Clientcert-Subject",
            "X-ARR-ClientCert",
            "OIDC_CLAIM_sub",
            "OIDC-access-token",
            "X-Vouch-User",
            "X-Hasura-Role",
            "Impersonate-User",
            "SM_USER",
        ] {
            assert!(!client_may_send(name), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_headers_and_names_that_are_none_are_refused() {
        for name in [
            "Connection",
            "keep-alive",
            "Transfer-Encoding",
            "transfer_encoding",
            "Content-Length",
            "Content_Length",
            "content.length",
            "Host",
            "Expect",
            "TE",
            "Trailer",
            "Upgrade",
            "HTTP2-Settings",
            "Proxy-Authorization",
            "Proxy-Authenticate",
            "Proxy-Connection",
            "",
            "x user",
            "x-a\u{0}",
            "x:y",
            "é",
        ] {
            assert!(!client_may_send(name), "{name:?}");
        }
    }

    #[test]
    fn ordinary_headers_pass() {
        for name in [
            "Accept",
            "Accept-Language",
            "Content-Type",
            "User-Agent",
            "Authorization",
            "Cookie",
            "Origin",
            "Referer",
            "traceparent",
            "tracestate",
            "Range",
            "If-None-Match",
            "RSC",
            "Next-Router-State-Tree",
            "X-CSRF-Token",
            "X-Requested-With",
            "Sec-Fetch-Mode",
            "Sec-WebSocket-Key",
            "Idempotency-Key",
            "X-Api-Version",
        ] {
            assert!(client_may_send(name), "{name}");
        }
    }

    #[test]
    fn a_header_named_by_connection_ends_here() {
        let names = [
            "connection",
            "X-Api-Key",
            "x-other",
            "Accept",
            "x-user",
            "x-api",
        ];
        for (connection, gone) in [
            (&[][..], &["connection", "x-user"][..]),
            (
                &["close, X_Api-Key", "x-other"],
                &["connection", "X-Api-Key", "x-other", "x-user"],
            ),
            (&["accept"], &["connection", "Accept", "x-user"]),
            (&["", ",,"], &["connection", "x-user"]),
        ] {
            assert_eq!(impassable(names, connection), gone, "{connection:?}");
        }
    }
}
