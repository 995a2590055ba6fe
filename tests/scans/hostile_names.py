"""Texts of headers and files that would do harm as file names."""

from __future__ import annotations

HOSTILE = (
    *("../../x", "..", ".", "/", "/etc/x", "a/b", "..\\..\\x", "C:\\x", "\\\\host\\share"),
    *("-rf", "--help", ".hidden", "~", "~root", "$HOME", "`id`", "$(id)", ";id", "|id", "*", "?"),
    *("a\nb", "a\r\nb", "a\tb", "\x1b[2J", "\u202egnp.x", "\u2066a\u2069", "\ufeffa", "a\u0000b"),
    *("CON", "con.txt", "NUL", "aux", "LPT1", "com9.nii", "PRN "),
    *("x" * 300, "x/" * 100, "é" * 300, "\U0001f480" * 80, " ", "a ", "a.", "", "report"),
    *("%2e%2e%2fx", "<script>", '"', "'", "{}", "{name}", "%s%n"),
)
