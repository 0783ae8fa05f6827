"""What a stage model is: ordered stages with labels, milestones, a purchase and rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cjlab.errors import UserError, did_you_mean
from cjlab.patterns import Pattern, show

BUILT_IN = ("sm9", "sv5", "no5", "no3phase", "no3buy", "da5", "da3")
LANGUAGES = ("en", "sv", "nb", "da", "fi")


@dataclass(frozen=True)
class Stage:
    """One stage of a journey.

    Parameters
    ----------
    id : str
        Name used in tables and files.
    labels : mapping of str to str
        Language code to label, as the source writes it.
    milestone : bool, default False
        Whether the stage is a default step of a funnel.
    purchase : bool, default False
        Whether the buying journey ends here.
    atoms : tuple of str, default ()
        The ``sm9`` stages it holds; empty for custom stages.
    definition : str or None, default None
        What the stage means, in English; None where the source does not say.
    sources : mapping of str to str, default {}
        Language code to the label's source: ``S0`` to ``S4``, ``cjlab`` or ``study``.
    """

    id: str
    labels: Mapping[str, str] = field(hash=False)
    milestone: bool = False
    purchase: bool = False
    atoms: tuple[str, ...] = ()
    definition: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class StageRule:
    """One rule of a custom stage: names that the pattern covers belong to the stage.

    Parameters
    ----------
    stage : str
        Id of the stage.
    pattern : Pattern
        Compared with the raw name and with the catalogue's touchpoint.
    """

    stage: str
    pattern: Pattern


@dataclass(frozen=True)
class StageModel:
    """An ordered list of stages.

    Parameters
    ----------
    id : str
        Id of a built-in model, or ``custom``.
    stages : tuple of Stage
        In journey order.
    language : str, default "en"
        Language of labels when none is asked for.
    rules : tuple of StageRule, default ()
        Rules of a custom model; the first match wins.

    Examples
    --------
    >>> from cjlab import stages
    >>> model = stages.load("no5")
    >>> model.ids
    ('awareness', 'evaluation', 'purchase', 'use', 'repurchase')
    >>> model.label("repurchase", "nb")
    'Gjenkjøp og anbefalinger'
    """

    id: str
    stages: tuple[Stage, ...]
    language: str = "en"
    rules: tuple[StageRule, ...] = ()

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __contains__(self, stage_id: object) -> bool:
        return stage_id in self.codes

    def __getitem__(self, stage_id: str) -> Stage:
        if stage_id not in self:
            near = did_you_mean(stage_id, self.ids)
            raise UserError(f'"{stage_id}" is not a stage of {self.id}.{near}')
        return self.stages[self.codes[stage_id]]

    @property
    def ids(self) -> tuple[str, ...]:
        """Stage ids in order."""
        return tuple(stage.id for stage in self.stages)

    @property
    def codes(self) -> dict[str, int]:
        """Stage id to position, from 0: the code the prepared store keeps."""
        return {stage.id: code for code, stage in enumerate(self.stages)}

    @property
    def milestones(self) -> tuple[str, ...]:
        """Ids of the funnel's default steps; every stage where none is flagged."""
        return tuple(s.id for s in self.stages if s.milestone) or self.ids

    @property
    def purchase(self) -> str | None:
        """Id of the stage at which the buying journey ends; None where no stage is flagged."""
        return next((stage.id for stage in self.stages if stage.purchase), None)

    @property
    def built_in(self) -> bool:
        """Whether the model is one of the seven that come with the package."""
        return self.id in BUILT_IN

    def label(self, stage_id: str, language: str | None = None) -> str:
        """Return a stage's label as its source writes it.

        Parameters
        ----------
        stage_id : str
            Id of the stage.
        language : str, optional
            ``en``, ``sv``, ``nb`` (or ``no``), ``da`` or ``fi``; the model's own by default.

        Returns
        -------
        str
            The label. A custom stage without a label in that language answers in the study's
            language, then in English, then in any it has.

        Raises
        ------
        UserError
            The stage or the language is unknown.
        """
        labels = self[stage_id].labels
        wanted = (language_code(language or self.language), self.language, "en", *labels)
        return next(labels[code] for code in wanted if code in labels)

    def labels(self, language: str | None = None) -> dict[str, str]:
        """Return every stage's label, in order, as its source writes it.

        Parameters
        ----------
        language : str, optional
            As in `label`.

        Returns
        -------
        dict of str to str
            Stage id to label.
        """
        return {stage.id: self.label(stage.id, language) for stage in self.stages}

    def display(self, language: str | None = None) -> dict[str, str]:
        """Return the labels for headings and axes: the same words, first letter a capital.

        Parameters
        ----------
        language : str, optional
            As in `label`.

        Returns
        -------
        dict of str to str
            Stage id to label.

        Examples
        --------
        >>> from cjlab import stages
        >>> stages.load("sm9").display("sv")["post_purchase"]
        'Efter köpet'
        """
        return {key: text[:1].upper() + text[1:] for key, text in self.labels(language).items()}

    def hash(self) -> str:
        """Return a fingerprint of what decides an event's stage; wording does not count.

        Returns
        -------
        str
            32 hexadecimal digits: equal for equal stages, flags and rules, on any machine.
        """
        content = [
            self.id,
            [[s.id, s.milestone, s.purchase, list(s.atoms)] for s in self.stages],
            [[rule.stage, rule.pattern.text, rule.pattern.match] for rule in self.rules],
        ]
        text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @classmethod
    def from_names(cls, names: Sequence[str], *, language: str = "en") -> StageModel:
        """Make a model of plain names, as they stand in a frame's stage column.

        Parameters
        ----------
        names : sequence of str
            Stage names in order; each is its own id and label.
        language : str, default "en"
            Language the names are in.

        Returns
        -------
        StageModel
            Without milestones flagged, so all stages are.

        Raises
        ------
        UserError
            No names, an empty one, or one that comes twice.
        """
        if isinstance(names, str):
            raise UserError(f'stages: "{names}" is one text; give a list of stage names.')
        language = language_code(language)
        stages = []
        for index, name in enumerate(names):
            if not isinstance(name, str) or not name.strip():
                raise UserError(f"stages[{index}]: a stage name is text and not empty.")
            stages.append(Stage(name, {language: name}, sources={language: "study"}))
        check_ids(stages, "")
        return cls("custom", tuple(stages), language)

    @classmethod
    def from_config(
        cls, value: object, language: str = "en", *, study_file: str = "study.yaml"
    ) -> StageModel:
        """Read the ``stages`` key of a study.

        Parameters
        ----------
        value : str, list or StageModel
            Id of a built-in model, or the study's own stages in order: each an id, or a mapping
            with ``id`` and optionally ``label`` (text, or language to text), ``rules`` (globs,
            or mappings with ``pattern`` or ``touchpoint`` and ``match``), ``milestone``,
            ``purchase`` and ``definition``. A ``pattern`` is a glob unless ``match`` says
            otherwise, a ``touchpoint`` is exact.
        language : str, default "en"
            The study's language.
        study_file : str, default "study.yaml"
            Name shown in errors.

        Returns
        -------
        StageModel
            A built-in model, or one with the id ``custom``.

        Raises
        ------
        UserError
            In one line: the file, the key, the value and what would be valid.

        Examples
        --------
        >>> steps = [{"id": "visit", "rules": ["page_*"]}, {"id": "buy", "purchase": True}]
        >>> StageModel.from_config(steps).purchase
        'buy'
        """
        if isinstance(value, StageModel):
            return replace(value, language=language_code(language))
        from cjlab import custom_stages, stages

        if isinstance(value, str):
            try:
                return stages.load(value, language)
            except UserError as error:
                raise UserError(f"{study_file}: stages: {error}") from None
        return custom_stages.read(value, language_code(language), f"{study_file}: ")


def language_code(language: str) -> str:
    """Return the code of a language that labels exist in.

    Parameters
    ----------
    language : str
        A code such as ``sv``, ``sv-SE`` or ``no`` (which is ``nb`` here).

    Returns
    -------
    str
        ``en``, ``sv``, ``nb``, ``da`` or ``fi``.

    Raises
    ------
    UserError
        There are no labels in that language.

    Examples
    --------
    >>> language_code("no")
    'nb'
    """
    code = str(language).replace("_", "-").split("-")[0].lower()
    code = "nb" if code == "no" else code
    if code not in LANGUAGES:
        raise UserError(f'language "{language}" is unknown.{did_you_mean(language, LANGUAGES)}')
    return code


def check_ids(stages: Sequence[Stage], file: str) -> None:
    """Refuse an empty list and an id that comes twice."""
    if not stages:
        raise UserError(f"{file}stages: the list is empty.")
    ids = [stage.id for stage in stages]
    for index, stage_id in enumerate(ids):
        if (first := ids.index(stage_id)) != index:
            raise UserError(
                f"{file}stages[{index}].id: {show(stage_id)} stands already at stages[{first}]; "
                "ids are unique."
            )
