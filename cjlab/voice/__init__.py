"""The customer's voice: scores, reasons and texts, tied to touchpoint, stage and persona."""

from cjlab.voice import triggers
from cjlab.voice._accuracy import accuracy
from cjlab.voice._agreement import agreement
from cjlab.voice._answers import answers, attachment
from cjlab.voice._cases import cases
from cjlab.voice._codebook import Code, Codebook
from cjlab.voice._coded import Coded, coded
from cjlab.voice._cooccurrence import co_occurrence
from cjlab.voice._coverage import coverage
from cjlab.voice._differences import score_difference
from cjlab.voice._drivers import drivers
from cjlab.voice._embedding import Embeddings
from cjlab.voice._feelings import Feelings
from cjlab.voice._find_themes import study_themes, themes
from cjlab.voice._followup import follow_up
from cjlab.voice._importance import importance_performance
from cjlab.voice._kano import kano
from cjlab.voice._language import language
from cjlab.voice._lint import lint
from cjlab.voice._loop import loop
from cjlab.voice._notice import notice
from cjlab.voice._of_answers import ces, csat, nps
from cjlab.voice._of_study import scores
from cjlab.voice._picture import moments
from cjlab.voice._quotes import Quotes, quotes
from cjlab.voice._reasons import reasons
from cjlab.voice._replies import reply
from cjlab.voice._responders import responders
from cjlab.voice._response import response_rates
from cjlab.voice._sentiment import sentiment
from cjlab.voice._size import sample_size
from cjlab.voice._survey import Survey
from cjlab.voice._survey_read import survey, templates
from cjlab.voice._theme_drift import theme_drift
from cjlab.voice._theme_impact import theme_impact
from cjlab.voice._theme_shares import theme_shares, theme_trend
from cjlab.voice._themes import Theme, Themes
from cjlab.voice._weakest import weakest_moment
from cjlab.voice._weights import rake, weighted

__all__ = [
    "Code",
    "Codebook",
    "Coded",
    "Embeddings",
    "Feelings",
    "Quotes",
    "Survey",
    "Theme",
    "Themes",
    "accuracy",
    "agreement",
    "answers",
    "attachment",
    "cases",
    "ces",
    "co_occurrence",
    "coded",
    "coverage",
    "csat",
    "drivers",
    "follow_up",
    "importance_performance",
    "kano",
    "language",
    "lint",
    "loop",
    "moments",
    "notice",
    "nps",
    "quotes",
    "rake",
    "reasons",
    "reply",
    "responders",
    "response_rates",
    "sample_size",
    "score_difference",
    "scores",
    "sentiment",
    "study_themes",
    "survey",
    "templates",
    "theme_drift",
    "theme_impact",
    "theme_shares",
    "theme_trend",
    "themes",
    "triggers",
    "weakest_moment",
    "weighted",
]
