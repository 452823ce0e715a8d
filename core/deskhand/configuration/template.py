"""The configuration `deskhand init` writes: short, commented, and valid once the blanks are filled in."""

TEMPLATE = """\
# deskhand configuration. Check it with:  deskhand config check
# Every setting and what it means:        deskhand config explain

[desk]
name = "deskhand"           # what technicians see at the top of a note
state = "state"             # records, mirror and keys; back this folder up

[connectors.psa_connectwise]
site = "api-eu.myconnectwise.net"
company_id = "your-company-id"
public_key = "file:secrets/connectwise-public-key"
private_key = "file:secrets/connectwise-private-key"
client_id = "file:secrets/connectwise-client-id"

# Your own mail domains: staff write on behalf of clients, so mail from here is never taken for a client's.
[identity]
own_domains = ["your-msp.example"]

# What the desk may do where nothing else is said: off, suggest (one internal note), or apply.
[policy]
handling = "suggest"

# One client can have its own policy, by its identifier in the PSA.
# [clients.ACME]
# handling = "off"
"""
