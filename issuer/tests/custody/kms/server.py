"""moto's KMS on a port of this machine. Prints the port, and ends when standard input does."""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)


def wait_for_the_end():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=wait_for_the_end, daemon=True).start()
server.serve_forever()
