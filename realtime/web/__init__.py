"""The mixer in the browser: one engine, a small server, a page of plain ES modules.

    page -WebSocket-> messages.py -> protocol.py -> hub.py -> workspace.py -> engine     what is done
    page <-WebSocket- outbox.py <- hub.py <- engine                        the newest, to all pages
    page -HTTP-> server.py: static files, uploads.py, exports.py           all through gate.py and idle.py
    workspace.py -> history.py, restoring.py                               undo and redo; back to what was
    hub.py -> store.py                                                     sessions and recordings that stay

A message is a class in `messages.py` and a method of `Workspace`; `docs/web.md` describes the page, the messages, what
stays, and what keeps strangers out.
"""
