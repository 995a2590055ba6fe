from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.scans.pacs.access import Access, Credentials, Tls
from tests.scans.pacs.certificates import self_signed


def test_a_context_checks_certificate_and_name(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    for tls in (Tls(), Tls(ca=certificate), Tls(certificate, certificate, key)):
        context = tls.context()
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    other, _ = self_signed(tmp_path, "other")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "rsa", "-aes256", "-passout", "pass:x", "-in", str(key), "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    for tls, text in (
        (Tls(ca=tmp_path / "no.pem"), "no such file"),
        (Tls(ca=junk), "no PEM certificate"),
        (Tls(key=key), "without its certificate"),
        (Tls(certificate=other, key=key), "do not make a pair"),
        (Tls(certificate=certificate), "do not make a pair"),
        (Tls(certificate=certificate, key=locked), "do not make a pair"),
    ):
        with pytest.raises(UsageError, match=text):
            tls.context()


def test_the_header_of_each_kind_of_credentials() -> None:
    # RFC 7617 section 2 gives the first pair and its header.
    aladdin = Credentials("Aladdin", "open sesame")
    assert aladdin.header() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Credentials("Aladdin", "x", token="abc").header() == "Bearer abc"
    assert Credentials().header() == ""


def test_secrets_are_not_printed() -> None:
    text = repr(Access(credentials=Credentials("u", "s3cret", "t0ken")))
    assert "s3cret" not in text
    assert "t0ken" not in text
