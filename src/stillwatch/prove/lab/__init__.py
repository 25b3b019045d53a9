"""The lab: small teachers and students on made-up text, so that every claim about audits can be repeated."""
