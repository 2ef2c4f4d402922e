"""The headers that tell browsers how little they may do with an answer.

HTTPS ends before the service, so Strict-Transport-Security is for whoever ends it to say.
"""

from __future__ import annotations

from src.app.http import Headers

API_HEADERS: Headers = (
    # What is no script or page by its type is never run as one.
    (b"x-content-type-options", b"nosniff"),
    # Predictions may be personal: no browser and no proxy keeps them.
    (b"cache-control", b"no-store"),
    # Opened as a page, an answer loads and runs nothing, and is shown in nobody's frame.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""For what programs read."""

PAGE_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    # Unless the page itself says what may be kept.
    (b"cache-control", b"no-store"),
    # Scripts and styles come from files of this service, requests go to this service alone.
    # Images may be those that a person chose (data:, blob:).
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        b" img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self';"
        b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    # Links that lead away do not tell where from.
    (b"referrer-policy", b"no-referrer"),
    # Pages of other sites neither hold a handle to this one's window nor load its parts.
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # The camera is for taking an image; nothing else is asked for.
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
)
"""For the pages that people open, their scripts, styles and images, and routes of your own."""
