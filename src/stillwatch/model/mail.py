"""Mail: what a mail domain says of who is behind an account."""

from __future__ import annotations

from typing import Final

NONE, FREE, OWN, SCHOOL, THROWAWAY = range(5)
"""Kinds of domain: none given; a public provider's; an organisation's own; a school's or university's; a provider of
addresses to throw away."""

PROVIDERS: Final = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com aol.com icloud.com
    me.com mac.com proton.me protonmail.com gmx.com gmx.de gmx.net web.de t-online.de freenet.de orange.fr
    free.fr laposte.net libero.it virgilio.it qq.com 163.com 126.com yeah.net foxmail.com sina.com sohu.com
    naver.com daum.net hanmail.net kakao.com mail.ru yandex.ru yandex.com bk.ru list.ru inbox.ru rambler.ru
    ukr.net wp.pl o2.pl onet.pl interia.pl seznam.cz zoho.com fastmail.com hey.com tutanota.com tuta.io mail.com
    rediffmail.com uol.com.br bol.com.br terra.com.br comcast.net verizon.net att.net btinternet.com yahoo.co.jp
    docomo.ne.jp ezweb.ne.jp softbank.ne.jp yahoo.co.uk yahoo.fr yahoo.de yahoo.co.in hotmail.co.uk hotmail.fr
    live.co.uk outlook.de outlook.fr outlook.jp
    """.split()
)
"""Public providers: two accounts on one of these share nothing."""

THROWAWAYS: Final = frozenset(
    """
    mailinator.com guerrillamail.com guerrillamail.net sharklasers.com grr.la 10minutemail.com 10minutemail.net
    20minutemail.com yopmail.com yopmail.fr yopmail.net temp-mail.org tempmail.com tempmail.net tempmailo.com
    temp-mail.io tempail.com trashmail.com trashmail.de trash-mail.com getnada.com nada.email dispostable.com
    maildrop.cc mailnesia.com mailcatch.com mintemail.com mohmal.com emailondeck.com throwawaymail.com fakeinbox.com
    fakemail.net moakt.com spamgourmet.com spam4.me mytemp.email tmpmail.org tmpmail.net burnermail.io inboxkitten.com
    mail-temp.com discard.email discardmail.com jetable.org wegwerfmail.de einrot.com cuvox.de dayrep.com fleckens.hu
    gustr.com jourrapide.com rhyta.com superrito.com teleworm.us armyspy.com linshiyouxiang.net 1secmail.com
    """.split()
)
"""Providers of addresses to throw away: such an address is nobody's own."""


def kind(domain: str | None) -> int:
    """Tell the kind of a mail domain, in lower case."""
    if not domain:
        return NONE
    if domain in PROVIDERS:
        return FREE
    if domain in THROWAWAYS:
        return THROWAWAY
    if domain.endswith(".edu") or ".edu." in domain or ".ac." in domain:
        return SCHOOL
    return OWN
