"""Notices text that tries to give the agent orders. It only warns a technician: nothing is decided by it."""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator

from deskhand.knowledge.text import inert, visible

_READ = 20_000
_QUOTED = 60
_STRAY = 3


def _any(*wordings: str) -> re.Pattern[str]:
    return re.compile("|".join(wordings), re.IGNORECASE | re.DOTALL | re.MULTILINE)


_TOLD = r"(?:instructions?|prompts?|rules?|guidelines?|polic(?:y|ies)|directions?|context|restrictions?)"
_MACHINE = r"(?:ai|a\.i\.|ki|llm|agents?|assistants?|automation|bot|model|system|copilot|chatbot|triage)"
_KEYS_TO = r"(?:passwords?|kennw\w+|passw\w+|credentials|secrets?|api keys?|access keys?|vault)"
_GUARD = r"(?:edr|antivirus|anti-virus|defender|mfa|firewall|audit|logging|virenschutz)"

_ORDERS = _any(
    rf"\b(?:ignore|disregard|forget|override|bypass|skip|drop)\b.{{0,30}}"
    rf"\b(?:previous|prior|above|earlier|all|any|your|the|these)\b.{{0,30}}\b{_TOLD}\b",
    r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*|beacht\w* nicht)\b.{0,40}"
    r"\b(?:anweisung\w*|vorgaben?|regeln?|instruktion\w*|bisherige\w*|vorherige\w*)\b",
    r"\byou are (?:now|no longer|going to (?:act|be))\b|\bfrom now on,? (?:you|act|respond|reply)\b",
    r"\b(?:act|behave|respond|role-?play) as (?:if you|an?|the|my)\b|\bpretend (?:to be|you|that you)\b",
    r"\b(?:du bist|sie sind) (?:jetzt|ab sofort|nun) (?:ein|eine|im|der|die)\b",
    r"\b(?:developer|god|dan|debug) mode\b|\b(?:jailbreak|do anything now|no restrictions)\b",
    rf"\b(?:note|message|instructions?|hinweis|anweisung\w*) (?:for|to|an|für) (?:the |any |all |die )?{_MACHINE}\b",
    r"\b(?:ai|ki|llm)[- ](?:agent|assistant|system|model|assistent)\b.{0,40}\b(?:must|should|shall|will|muss|soll)\b",
    r"\b(?:system|developer) ?(?:prompt|message|override|instruction|policy)\b",
    r"\b(?:new|updated|neue) (?:system )?polic(?:y|ies)\s*:|\b(?:this|the following) overrides?\b",
    r"\b(?:reveal|repeat)\b.{0,40}\b(?:prompt|instructions|everything above|text above)\b",
    r"\btool (?:result|output|call|response)\s*:|\bfunction[_ ]call\b",
    r"\"(?:tool|action|next_action|function|role|approved|automation|picks)\"\s*:",
    r"\b(?:proceed|continue|act|execute|run) (?:\w+ )?(?:immediately and )?without (?:asking|confirm\w*|approval)",
    r"\bapproval (?:id|ok|granted)\b|\bapproval=|\bpolicy=|\b(?:plan|approval)[ _-]?hash\b|\balready approved\b",
    r"\bwrote:\s*>?\s*approved\b|\bautomation policy\b",
    r"\bsofort ausführen\b|\bohne (?:rückfrage|nachfrage|freigabe)\b",
    r"\bwhen (?:a|the|any) (?:technician|engineer|agent|user) (?:later )?(?:says|replies|answers|approves|writes)\b",
    r"\b(?:end|start|begin) (?:of )?(?:note|ticket|instructions?|system|prompt)\b\s*[\])>-]",
    r"\bpart \d of the (?:command|instruction)|\bjoin the parts and\b",
    r"\bdecode (?:base64|this|the following|it)\b.{0,30}\b(?:follow|execute|run|and)\b|^\W*rot13\s*:",
)
_DANGEROUS = _any(
    rf"\b(?:send|mail|forward|share|schick\w*|sende\w*)\b.{{0,40}}\b{_KEYS_TO}\b.{{0,40}}\b(?:to|an|in the reply)\b",
    rf"\b(?:disable|uninstall|turn off|remove|deaktivier\w*)\b.{{0,30}}\b{_GUARD}\b",
    r"\b(?:delete|erase|do not write|don't write|suppress|stop)\b.{0,30}\b(?:audit|log) (?:entr\w+|log|trail)\b",
    r"\bclose all tickets\b|\ball (?:open )?tickets (?:on|of|and|from)\b",
    r"\b(?:every|each|all) (?:devices?|clients?|tenants?|customers?|workstations?) (?:of|on|in|and)\b.{0,30}"
    r"\b(?:client|tenant|device|customer|script)",
    r"\b(?:global administrators?|domain admins?)\b.{0,30}\b(?:role|group|gruppe|rolle)\b",
    r"\b(?:disable|create)(?: the| a)?(?: new)? access key\b|\bmfa methods? (?:from|for|of)\b",
    r"\binstall the .{0,30}\b(?:plugin|connector)\b.{0,20}\bfrom\b",
    r"\bpowershell\b.{0,40}(?:-nop|-enc|-w(?:indowstyle)? hidden)|\bdownloadstring\b|\biex ?\(",
)
_MARKUP = _any(
    r"<\|?(?:im_start|im_end|system|endoftext|eot_id|start_header_id)|\[/?inst\]|<</?sys>>",
    r"</?(?:ticket|system|instructions?|assistant|tool)>|<!--|\[//\]:\s*#",
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|^#{2,}\s*(?:system|instruction|assistant)",
)
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f\u00ad]")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
_SPACED = re.compile(r"(?:(?<!\S)\S[ \n]+){10,}")
_LEET = re.compile(r"[^\W\d_]\d+[^\W\d_]|(?<!\w)[013457]{1,2}[^\W\d_]{2,}")
_LETTERS = str.maketrans(
    "асеорхуіјѕԁһкмтвнгпԛԝΑΒΕΖΗΙΚΜΝΟΡΤΧαεικνορτυχАВСЕНІЈКМОРЅТХУ",
    "aceopxyijsdhkmtbhrnqwABEZHIKMNOPTXaeikvoptuxABCEHIJKMOPSTXY",
)
_DIGITS = str.maketrans("013457@$", "oleastas")
_MIXED = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[\u0370-\u03ff\u0400-\u04ff])\w{3,}\b")


def warnings_about(text: str) -> tuple[str, ...]:
    """Return what a technician should beware of, each a sentence with an inert quotation; none for honest tickets.

    A heuristic: it misses what is worded or encoded in other ways. Safety does not rest on it.
    """
    read = text[:_READ]
    found: list[str] = []
    if order := _first(_ORDERS, read):
        found.append(f"The text tries to give an assistant orders (“{order}”). It was treated as data.")
    if markup := _first(_MARKUP, read):
        found.append(f"The text contains hidden or machine markup (“{markup}”).".replace("(“”)", ""))
    if _HIDDEN.search(read) and _hides_words(read):
        found.append("The text contains invisible or direction-changing characters; they were removed.")
    if mixed := _MIXED.search(visible(read)):
        found.append(f"A word mixes alphabets to look like another (“{inert(mixed.group(), 30)}”).")
    if _is_leet(read) or _SPACED.search(read):
        found.append("Words are disguised by digits or spaces between their letters.")
    if danger := _first(_DANGEROUS, read):
        found.append(f"It asks for something dangerous (“{danger}”): verify the requester by another way first.")
    return tuple(found)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    """Quote the first match in any reading of the text."""
    matches = (pattern.search(reading) for reading in _readings(text))
    return next((inert(match.group(), _QUOTED) for match in matches if match), None)


def _readings(text: str) -> Iterator[str]:
    """Yield the text as it shows, and as it reads once each common disguise is taken off."""
    plain = visible(text)
    yield plain
    folded = "".join(each for each in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(each))
    yield folded.translate(_LETTERS)
    if _is_leet(plain):
        yield plain.lower().translate(_DIGITS)
        yield plain.lower().translate(_DIGITS).replace("l", "i")
    if "\u202e" in text:
        yield "\n".join(line[::-1] for line in plain.split("\n"))
    for hidden in _TAGS.findall(text):
        yield "".join(chr(ord(each) - 0xE0000) for each in hidden)
    if _SPACED.search(plain):
        yield re.sub(r" +", " ", re.sub(r"(?<=\S) (?=\S)", "", plain))
    for blob in _BASE64.findall(plain):
        yield _decoded(blob)
    yield codecs.decode(plain, "rot13")


def _decoded(blob: str) -> str:
    try:
        return base64.b64decode(blob[: len(blob) // 4 * 4]).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""


def _is_leet(text: str) -> bool:
    """Tell whether digits stand for letters in many words; serial numbers alone are too few."""
    return len(_LEET.findall(text)) > max(4, len(text.split()) // 4)


def _hides_words(text: str) -> bool:
    """Tell whether more than a stray mark, such as a soft hyphen or a joiner in an emoji, is hidden."""
    return len(_HIDDEN.findall(text)) > _STRAY or bool(_TAGS.search(text)) or "\u202e" in text
