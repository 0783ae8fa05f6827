"""Words that announce a name, in five languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

# What comes next is a name, with a capital or without.
_SAID = (
    "my name is|my name's|i am called|they call me|name|jag heter|mitt namn är|heter jag|namn|"
    "jeg heter|jeg hedder|mitt navn er|mit navn er|eg heiter|navn|nimeni on|nimi|olen nimeltäni"
)
_AM = (
    "i am|i'm|this is|it's|it was|det är|det var|det er|jag är|jeg er|olen|tässä on|signed|"
    "undertecknad"
)
_TITLES = (
    "mr|mrs|ms|miss|mx|dr|doctor|prof|professor|sir|dame|lord|lady|reverend|rev|sister|nurse|herr|"
    "hr|fru|frøken|fröken|doktor|herra|rouva|neiti|tohtori|lege|læge|läkare|överläkare|lääkäri|"
    "sykepleier|sygeplejerske|sjuksköterska|sköterskan|hoitaja|advokat|ingeniør|sjåfør|chaufför"
)
_GREETINGS = (
    "dear|hi|hello|hey|good morning|good afternoon|good evening|hej|hejsan|hallå|hei|hallo|heisann|"
    "tjena|god morgon|god morgen|god dag|god kväll|god kveld|kjære|kære|kära|käre|hyvä|moi|moikka|"
    "terve|hyvää huomenta|hyvää päivää|hyvää iltaa|rakas|thanks|thank you|cheers|tack|takk|tak|"
    "kiitos|kiitokset"
)
_ROLES = (
    "colleague|manager|assistant|advisor|adviser|agent|driver|receptionist|consultant|surgeon|"
    "husband|wife|son|daughter|brother|mother|father|friend|neighbour|boss|named|called|midwife|"
    "kollega|kollegan|kollegaen|medarbetaren|medarbetare|medarbeider|medarbeideren|medarbejder|"
    "medarbejderen|säljaren|säljare|selgeren|selger|sælgeren|sælger|ekspedienten|expediten|"
    "chauffören|sjåføren|chaufføren|chefen|sjefen|butikschefen|butikksjefen|mannen|make|maka|"
    "dotter|sønn|datter|søn|bror|syster|søster|vän|venn|ven|granne|nabo|kassörskan|tandläkaren|"
    "myyjä|asiakaspalvelija|kuljettaja|esimies|mieheni|vaimoni|poikani|tyttäreni|ystäväni|nimeltä|"
    "namens|vid namn|ved navn"
)
_PERSONAL = (
    "spoke to|spoke with|talked to|talked with|speak to|speak with|met|helped by|served by|seen by|"
    "treated by|assisted by|thanks to|thank you to|credit to|shout out to|ask for|asked for|"
    "pratade med|talade med|snackade med|hjälp av|hjälpt av|bemött av|tack till|tack vare|"
    "snakket med|pratet med|hjelp av|hjulpet av|takk til|takket være|hilse til|"
    "talte med|snakkede med|hjælp af|hjulpet af|tak til|kiitos|kiitokset|terveisiä"
)
_SIGN_OFFS = (
    "regards|best regards|sincerely|yours sincerely|yours faithfully|yours truly|best wishes|"
    "cheers|all the best|many thanks|love|mvh|vh|bh|vänlig hälsning|vänliga hälsningar|"
    "med vänlig hälsning|med vänliga hälsningar|hälsning|hälsningar|hälsar|kram|vennlig hilsen|"
    "venlig hilsen|hilsen|"
    "beste hilsen|bedste hilsner|hilsner|klem|knus|ystävällisin terveisin|parhain terveisin|"
    "terveisin|terv|terveiset|yst terv|hilser"
)
# Who does this is a person, even where the name opens the sentence.
_DEEDS_WORDS = (
    "helped explained answered solved fixed listened sorted assisted phoned rang hjälpte "
    "förklarade svarade löste fixade ordnade ringde lyssnade bemötte hjelpte forklarte svarte "
    "løste fikset ordnet ringte lyttet hjalp forklarede svarede fiksede ordnede ringede lyttede "
    "ekspederede betjente auttoi selitti vastasi hoiti soitti kuunteli palveli järjesti neuvoi"
)
DEEDS = frozenset(_DEEDS_WORDS.split())
BEING = frozenset(["was", "is", "were", "var", "är", "er", "oli", "on"])
# What only persons are.
_TRAITS_WORDS = (
    "kind helpful friendly lovely polite rude nice caring patient courteous attentive amazing "
    "trevlig otrevlig hjälpsam vänlig duktig kunnig artig hyggelig hjelpsom vennlig flink høflig "
    "dyktig sød venlig hjælpsom dygtig ystävällinen mukava avulias kohtelias töykeä"
)
TRAITS = frozenset(_TRAITS_WORDS.split())
_SIGNED_WITHIN = 60  # signs from a sign-off to the end of the text


@dataclass(frozen=True)
class Cue:
    """Where a name is to come; `any_case`: with a capital or without; `signs`: the last."""

    at: int
    any_case: bool = False
    signs: bool = False


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Return the phrases by their first word, the longest first, each with what it is."""
    kinds = {"said": _SAID, "sign_off": _SIGN_OFFS}
    kinds["cue"] = "|".join([_AM, _TITLES, _GREETINGS, _ROLES, _PERSONAL])
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for kind, phrases in kinds.items():
        for phrase in phrases.split("|"):
            words = tuple(phrase.split())
            by_first.setdefault(words[0], []).append((words, kind))
    for entries in by_first.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return by_first


def cues(seen: str, words: Sequence[tuple[str, int, int]]) -> Iterator[Cue]:
    """Yield the words, by number, at which a name is announced.

    Parameters
    ----------
    seen : str
        The whole text.
    words : sequence of (str, int, int)
        Its words in small letters, with their start and end.
    """
    length = len(seen.rstrip(" \n\0.!"))
    for i, (low, _, _) in enumerate(words):
        for phrase, kind in _phrases().get(low, ()):
            after = i + len(phrase)
            if after >= len(words) or tuple(w for w, _, _ in words[i:after]) != phrase:
                continue
            gap = seen[words[after - 1][2] : words[after][1]]
            if _announces(phrase, kind, gap):
                signs = kind == "sign_off" and length - words[after][1] <= _SIGNED_WITHIN
                yield Cue(after, any_case=signs or kind == "said", signs=signs)


def _announces(phrase: tuple[str, ...], kind: str, gap: str) -> bool:
    """Tell whether what stands between a phrase and the next word lets it announce a name."""
    if len(gap) > 4 or "\0" in gap:
        return False
    if phrase in {("name",), ("namn",), ("navn",), ("nimi",)}:
        return ":" in gap or "=" in gap
    if kind == "sign_off":
        return True
    return not set(gap) - set(" .,!:\n'\"-" if kind == "said" else " .,'\"\n-")
