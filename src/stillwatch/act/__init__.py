"""Act: what can be done about somebody. One file per rung of the ladder, mildest to hardest.

A member has `ACTION` (what the gateway does to a request), `TRANSFORMS` (what it may change; empty for most),
`NEEDS_PERSON` (whether a person must be named to approve it), and `PROXY`, `PLUGIN`, `NGINX`: what each place of
enforcement then does, in a sentence. The first line of its docstring says what it is.
"""
