"""A mail server for tests: aiosmtpd on a port of this machine, with or without TLS. What it takes in, it writes down.

Each mail becomes one file of JSON in the folder, whole from the moment it is there. A file `reply` in the folder is what
the server says to every recipient from then on. It ends when its standard input does.
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = argparse.ArgumentParser()
options.add_argument("folder")
options.add_argument("--port", type=int, default=0)
options.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
options.add_argument("--certificate")
options.add_argument("--key")
options.add_argument("--login", help="name:password, without which no mail is taken")
options = options.parse_args()


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        try:
            with open(os.path.join(options.folder, "reply"), encoding="utf-8") as reply:
                return reply.read()
        except FileNotFoundError:
            envelope.rcpt_tos.append(address)
            return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        taken = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "subject": str(message["Subject"]),
            "plain": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
            "tls": session.ssl is not None or options.tls == "implicit",
            "login": bool(session.authenticated),
            "hello": session.host_name,
        }
        number = len([name for name in os.listdir(options.folder) if name.endswith(".json")])
        draft = os.path.join(options.folder, "draft")
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(taken, file)
        os.rename(draft, os.path.join(options.folder, f"{number:04}.json"))
        print("taken", flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    name, password = options.login.split(":", 1)
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (name.encode(), password.encode())
    return AuthResult(success=right, handled=right)


context = None
if options.tls != "none":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.certificate, options.key)


def session():
    return SMTP(
        Mailbox(),
        hostname="mail.test",
        tls_context=context if options.tls == "starttls" else None,
        require_starttls=options.tls == "starttls",
        auth_required=options.login is not None,
        auth_require_tls=options.tls == "starttls",
        authenticator=authenticate if options.login else None,
    )


async def main():
    loop = asyncio.get_running_loop()
    wrapped = context if options.tls == "implicit" else None
    server = await loop.create_server(session, "127.0.0.1", options.port, ssl=wrapped)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
