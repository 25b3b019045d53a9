"""TLS on the server: a peer is known by his certificate, and plain HTTP stays on loopback."""

from __future__ import annotations

import hashlib
import socket
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stillwatch.cli import main
from stillwatch.errors import ShareError, UsageError
from stillwatch.share.peers import Peer, Peers
from stillwatch.share.taxii import serve
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.client import Client
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store


def certificate(path: Path, name: str) -> bytes:
    """Write a certificate and its key, signed by itself, as PEM; gives the certificate as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return made.public_bytes(serialization.Encoding.DER)


def pulled(folder: Path, url: str, *more: str | Path) -> int:
    """Pull as one types it; gives the exit code."""
    (folder / "peers.toml").write_text('[[peer]]\nname = "a"\norganisation = "Example Lab"\n')
    settings = folder / "stillwatch.toml"
    settings.write_text(f'[share]\norganisation = "Other Lab"\ndirectory = "{folder}"\n')
    with pytest.raises(SystemExit) as left:
        main(["share", "pull", url, "--peer", "a", *map(str, more), "--settings", str(settings)])
    return int(left.value.code or 0)


def test_a_peer_is_known_by_his_certificate(tmp_path: Path) -> None:
    server, known, stranger = (tmp_path / f"{name}.pem" for name in ("server", "known", "stranger"))
    certificate(server, "server")
    shown = certificate(known, "known")
    certificate(stranger, "stranger")
    clients = tmp_path / "clients.pem"
    clients.write_bytes(known.read_bytes() + stranger.read_bytes())
    peers = Peers([Peer(name="b", certificate_sha256=hashlib.sha256(shown).hexdigest())])
    answers = Server(Store(tmp_path / "t.sqlite"), peers, "Example Lab")
    listening = bind(answers, "127.0.0.1", 0, certificate=server, key=server, clients=clients)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    url = f"https://127.0.0.1:{listening.server_address[1]}/taxii2/stillwatch/"
    try:
        assert Client(url, certificate=known, authority=server).collections()[0]["alias"] == "bulletins"
        assert pulled(tmp_path, url, "--certificate", known, "--authority", server) == 0
        assert pulled(tmp_path, url, "--certificate", stranger, "--authority", server) == 1
        for other in (stranger, None):
            with pytest.raises(ShareError, match="answered 401"):
                Client(url, certificate=other, authority=server).collections()
        with pytest.raises(ShareError, match="nobody whom this machine trusts vouches for the server") as refused:
            Client(url, certificate=known).collections()
        assert "--authority PEM" in (refused.value.hint or "")
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_who_opens_a_socket_and_never_greets_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "WHOLE_S", 0.2)
    certificate(tmp_path / "server.pem", "server")
    answers = Server(Store(tmp_path / "t.sqlite"), Peers([]), "Example Lab")
    listening = bind(answers, "127.0.0.1", 0, certificate=tmp_path / "server.pem", key=tmp_path / "server.pem")
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", listening.server_address[1]), timeout=20) as one:
            assert one.recv(10) == b""
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_tokens_do_not_go_over_the_wire_in_clear(tmp_path: Path) -> None:
    answers = Server(Store(tmp_path / "t.sqlite"), Peers([]), "Example Lab")
    with pytest.raises(UsageError, match="in clear"):
        bind(answers, "0.0.0.0", 0)
