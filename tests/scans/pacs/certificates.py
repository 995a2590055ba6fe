"""Throw-away certificates, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """Make a certificate for a host, signed by itself; returns it and its key, both PEM."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no certificate to try TLS with")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}".split()
    words += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out"]
    subprocess.run(["openssl", *words, str(certificate)], check=True, capture_output=True)
    return certificate, key
