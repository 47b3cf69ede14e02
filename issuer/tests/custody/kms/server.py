"""moto's KMS on a port of this machine. Prints the port, and ends when standard input does."""

import os
import sys
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

answer = KmsResponse.sign
delete = KmsBackend.schedule_key_deletion


def sign(self):
    """moto 5.2.5 takes no notice of the kind of message. KMS does, and here only digests are signed."""
    assert self._get_param("MessageType") == "DIGEST"
    return answer(self)


def sign_digest(self, message, signing_algorithm):
    """moto 5.2.5 hashes a digest once more; KMS signs it as it is, and so does this."""
    assert signing_algorithm == "ECDSA_SHA_256"
    return self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))


def schedule_key_deletion(self, key_id, pending_window_in_days):
    """moto 5.2.5 takes ARNs everywhere but here."""
    return delete(self, self.any_id_to_key_id(key_id), pending_window_in_days)


def wait_for_the_end():
    sys.stdin.read()
    os._exit(0)


KmsBackend.schedule_key_deletion = schedule_key_deletion
KmsResponse.sign = sign
ECDSAPrivateKey.sign = sign_digest
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
threading.Thread(target=wait_for_the_end, daemon=True).start()
server.serve_forever()
