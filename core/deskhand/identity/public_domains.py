"""Domains that say nothing about whose ticket it is: anyone may have an address there."""

from deskhand.identity.addresses import parents


def _listed(domains: str) -> frozenset[str]:
    return frozenset(domains.split())


FREE_MAIL = _listed(
    """
    gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.co.uk hotmail.com hotmail.co.uk hotmail.de
    hotmail.fr hotmail.it hotmail.es live.com live.co.uk live.de live.fr live.nl msn.com yahoo.com yahoo.co.uk yahoo.de
    yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.com.au yahoo.co.in ymail.com rocketmail.com aol.com aol.co.uk aim.com
    icloud.com me.com mac.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tuta.io tuta.com gmx.de gmx.net
    gmx.com gmx.at gmx.ch web.de freenet.de t-online.de arcor.de posteo.de mailbox.org mail.com mail.ru yandex.com
    yandex.ru zoho.com zohomail.com fastmail.com fastmail.fm hey.com btinternet.com btopenworld.com sky.com
    talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk orange.fr wanadoo.fr free.fr laposte.net sfr.fr
    libero.it virgilio.it ziggo.nl kpnmail.nl planet.nl bluewin.ch comcast.net verizon.net att.net sbcglobal.net
    bellsouth.net cox.net charter.net earthlink.net rogers.com shaw.ca sympatico.ca bigpond.com optusnet.com.au
    xtra.co.nz qq.com 163.com 126.com mailinator.com guerrillamail.com yopmail.com duck.com privaterelay.appleid.com
    """
)
"""Mail providers and access providers that give anyone an address."""

SERVICES = _listed(
    """
    microsoft.com office.com office365.com microsoftonline.com google.com googlegroups.com apple.com amazon.com
    amazonses.com docusign.net docusign.com adobe.com dropbox.com zoom.us slack.com atlassian.net github.com
    linkedin.com facebook.com facebookmail.com instagram.com mailchimp.com sendgrid.net mailgun.org salesforce.com
    wetransfer.com sharepoint.com teams.ms paypal.com intuit.com xero.com sage.com myconnectwise.net
    """
)
"""Services that write to every client: a notice of theirs is no client's mail."""

SHARED_SUFFIXES = _listed(
    """
    co.uk org.uk me.uk ltd.uk plc.uk net.uk ac.uk gov.uk nhs.uk sch.uk police.uk com.au net.au org.au edu.au gov.au
    co.nz net.nz org.nz govt.nz co.za org.za com.br org.br co.in net.in org.in co.jp ne.jp or.jp com.mx com.ar com.tr
    com.sg com.hk com.cn com.tw com.pl co.il co.kr com.my co.id com.co co.at or.at gv.at uk.com us.com eu.com de.com
    onmicrosoft.com mail.onmicrosoft.com github.io azurewebsites.net blogspot.com wordpress.com wixsite.com weebly.com
    myshopify.com web.app netlify.app herokuapp.com duckdns.org dyndns.org no-ip.org
    """
)
"""Suffixes under which strangers register side by side: the name counts from one label further left."""


def is_public(domain: str) -> bool:
    """Tell whether strangers share this canonical domain, so that it identifies nobody."""
    return domain in SHARED_SUFFIXES or is_service(domain) or any(each in FREE_MAIL for each in parents(domain))


def is_service(domain: str) -> bool:
    """Tell whether the canonical domain belongs to a service that writes to every client."""
    return any(each in SERVICES for each in parents(domain))


def name_of(domain: str) -> str:
    """Return the label someone chose when registering: ``pellard`` of ``mail.pellard.co.uk``."""
    labels = domain.split(".")
    for size in (3, 2):
        if len(labels) > size and ".".join(labels[-size:]) in SHARED_SUFFIXES:
            return labels[-size - 1]
    return labels[-2] if len(labels) > 1 else labels[0]
