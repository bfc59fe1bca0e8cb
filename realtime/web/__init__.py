"""The mixer in the browser: one engine, a small server, a page of plain ES modules.

    page -WebSocket-> protocol.py -> hub.py -> engine      what was moved, what is to be done
    page <-WebSocket- hub.py <- engine                     the newest melody and state, to all pages
    page -HTTP-> server.py: static files, uploads (uploads.py), files to take home (exports.py); all through gate.py

`docs/web.md` describes the page, the messages and what keeps strangers out.
"""
