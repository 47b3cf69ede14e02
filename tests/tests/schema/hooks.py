"""What the generated requests need to get past the door: a live session, its CSRF token, and the names of things that exist.

Every request that a session belongs to gets a session of its own, because signing out, refreshing and ending sessions use theirs up.
Nothing about an answer is judged here; the statuses seen are written down for the test, which wants each operation to succeed once.
"""

import json
import os
import urllib.request
import uuid

import schemathesis

ORIGIN = os.environ["ISSUER_ORIGIN"]
SITE = os.environ["ISSUER_SITE"]
STATUSES = os.environ["STATUSES_FILE"]
EMAIL = os.environ["USER_EMAIL"]
PASSWORD = os.environ["USER_PASSWORD"]

# A CSRF token is good for the program that fetched it.
USER_AGENT = "edgeward-schema-test"

# Nobody is signed in on these, and their answers must not depend on it.
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/edgeward-revocations",
}


def ask(method, path, body=None, cookies=None):
    """One request beside the generated ones; answers the body and the cookies that were set."""
    headers = {"Origin": SITE, "User-Agent": USER_AGENT, "Content-Type": "application/json"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ORIGIN + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as answer:
        pairs = (line.split(";", 1)[0].split("=", 1) for line in answer.headers.get_all("Set-Cookie") or [])
        text = answer.read()
        return json.loads(text) if text else None, {name: value for name, value in pairs if value}


def somebody_new():
    email = f"{uuid.uuid4()}@example.com"
    return ask("POST", "/auth/register", {"email": email, "password": PASSWORD})


def sign_in(path):
    # Who changes the password could not sign in the next time.
    if path == "/auth/password":
        _, cookies = somebody_new()
    else:
        _, cookies = ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
    csrf, more = ask("GET", "/auth/csrf", cookies=cookies)
    return cookies | more, csrf["csrfToken"]


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if path in OPEN:
        return
    cookies, token = sign_in(path)
    if path == "/auth/sessions/{id}" and "{" not in str(case.path_parameters.get("id", "{")):
        # Every other request names a session that exists; the rest are names nobody gave.
        before_call.turn = not getattr(before_call, "turn", False)
        if before_call.turn:
            sessions, _ = ask("GET", "/auth/sessions", cookies=cookies)
            others = [session["id"] for session in sessions["sessions"] if not session["current"]]
            if others:
                case.path_parameters["id"] = others[0]
    for name, value in cookies.items():
        case.cookies.setdefault(name, value)
    case.headers.setdefault("X-CSRF-Token", token)
    case.headers.setdefault("Origin", SITE)
    case.headers["User-Agent"] = USER_AGENT


@schemathesis.hook
def after_call(context, case, response):
    with open(STATUSES, "a", encoding="utf-8") as statuses:
        statuses.write(f"{case.operation.method.upper()} {case.operation.path} {response.status_code}\n")
