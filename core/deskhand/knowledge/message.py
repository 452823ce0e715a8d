"""What the customer wrote themselves: no greeting, signature, disclaimer or quoted mail."""

import re

from deskhand.knowledge.text import inert, visible

LONGEST_LINE = 140
LONGEST_MESSAGE = 12_000
_REPLIED = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|ursprüngliche nachricht|forwarded message|weitergeleitete nachricht)"
    r"|_{10,}\s*$"
    r"|(?:from|von):\s.{0,200}$"
    r"|on\b.{4,120}\bwrote:\s*$"
    r"|am\b.{4,120}\bschrieb\b.{0,120}:\s*$)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"^\s*(?:from|to|cc|bcc|sent|date|subject|von|an|gesendet|datum|betreff|importance|priority|wichtigkeit):\s",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"^\s*(?:--\s*$"
    r"|(?:(?:with\s+)?(?:best|kind|kindest|warm|many)\s+(?:regards|wishes)|best|regards|cheers|sincerely|yours\s+\w+"
    r"|(?:many\s+)?thanks(?:\s+(?:and|&)\s+\w+|\s+in\s+advance|\s+a\s+lot)?|thank\s+you|thx|rgds|br|kr"
    r"|(?:mit\s+)?(?:freundlichen?|besten?|vielen?|schönen?|herzlichen?|liebe[nr]?)\s+(?:grü(?:ß|ss)en?|gru(?:ss|ß))"
    r"|viele\s+grüße|mfg|lg|vg|danke(?:\s+(?:und|&)\s+.{0,20}|\s+im\s+voraus)?|vielen\s+dank(?:\s+im\s+voraus)?"
    r"|sent\s+from\s+my\s.{0,40}|von\s+meinem\s.{0,30}gesendet|get\s+outlook\s+for\s.{0,20})\s*[,.!]*\s*$)",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"intended recipient|confidential(?:ity)? notice|this (?:e-?mail|message).{0,60}confidential"
    r"|vertraulich(?:e)? informationen|rechtlich geschützte informationen|bitte informieren sie sofort den absender"
    r"|originated from outside|externe(?:r)? absender|consider the environment|denken sie an die umwelt",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^\s*(?:(?:hi+|hello|hey|dear|good\s+(?:morning|afternoon|evening|day)|greetings"
    r"|hallo|guten\s+(?:tag|morgen|abend)|moin|servus|grüezi|sehr\s+geehrte[r]?|liebe[rs]?)\b"
    r"(?:\s+[^\s,.!:;?]+){0,4}?\s*[,!:\u2013-]+\s*"
    r"|(?:hi|hello|hey|hallo|moin)\s+(?:all|team|guys|everyone|folks|there|support|helpdesk|zusammen|leute)\s+)",
    re.IGNORECASE,
)
_GREETING_ONLY = re.compile(
    r"^\s*(?:hi+|hello|hey|dear|good\s+(?:morning|afternoon|evening)|hallo|guten\s+(?:tag|morgen|abend)|moin|servus"
    r"|sehr\s+geehrte[r]?|liebe[rs]?)\b(?:\s+[^\s,.!?]+){0,4}\s*[,.!]*\s*$",
    re.IGNORECASE,
)
_REPLY_PREFIX = re.compile(r"^\s*(?:(?:re|aw|fw|fwd|wg|antw)\s*:|\[[^\]]{0,40}\])\s*", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{3,}")


def own_words(text: str) -> str:
    """Return what the writer added; where all of it is a forwarded mail, that mail without its headers."""
    lines = visible(text[:LONGEST_MESSAGE].replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    kept = _written(lines) or _written([line for line in lines if not _REPLIED.match(line) and not _HEADER.match(line)])
    return _without_greeting(kept).strip()


def one_line(summary: str, body: str) -> str:
    """Pick the customer's own sentence that says most, at most LONGEST_LINE characters, inert."""
    title = _subject(summary)
    sentences = [each for each in _SENTENCE.split(body) if _WORD.search(each)][:12]
    candidates = [title, *(_without_greeting(each) for each in sentences)]
    best = max(range(len(candidates)), key=lambda place: _says(candidates[place], place))
    return inert(candidates[best], LONGEST_LINE)


def _written(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if _REPLIED.match(line) or (_SIGNED.match(line) and any(_WORD.search(each) for each in kept)):
            break
        if not line.lstrip().startswith(">") and not _DISCLAIMER.search(line):
            kept.append(line.strip())
    while kept and (not kept[0] or _GREETING_ONLY.match(kept[0])) and len(kept) > 1:
        kept.pop(0)
    return "\n".join(kept).strip()


def _without_greeting(text: str) -> str:
    rest = _GREETING.sub("", text, count=1)
    return rest if _WORD.search(rest) else text


def _subject(summary: str) -> str:
    previous, current = "", summary
    while previous != current:
        previous, current = current, _REPLY_PREFIX.sub("", current, count=1)
    return current.strip()


def _says(sentence: str, place: int) -> float:
    """Estimate how much a sentence tells: distinct longer words, a little less for each place further down."""
    words = {word.casefold() for word in _WORD.findall(sentence[: 2 * LONGEST_LINE])}
    return min(sum(len(word) > 3 for word in words), 14) * 0.93**place  # noqa: PLR2004  # short words are glue
