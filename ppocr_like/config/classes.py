"""The characters of a recipe: `Global.codec`, or the dictionary of `Global.character_dict_path`."""

from __future__ import annotations

from collections.abc import Callable

from ppocr_like.charset import Charset
from ppocr_like.codec import make_codec, read_codec
from ppocr_like.config.globals import GlobalConfig
from ppocr_like.config.loader import AUTO
from ppocr_like.config.nodes import problem
from ppocr_like.errors import DataError

CODEC = "Global.codec"
DICTIONARY = "Global.character_dict_path"


def recipe_charset(settings: GlobalConfig, note: Callable[[str], None]) -> Charset:
    """The classes that the Global section names; a codec wins over a dictionary, which is said.

    Raises:
        ConfigError: a file that cannot be read, a mapping that is no codec, `codec: auto` of a run that has not begun.
    """
    codec = settings.codec
    if codec is None:
        try:
            return Charset.from_file(settings.character_dict_path, settings.use_space_char, settings.direction)
        except DataError as error:
            raise problem(DICTIONARY, str(error)) from error
    if codec == AUTO:
        raise problem(
            CODEC,
            "auto: the classes are those of the training texts, which a run writes into its folder when it begins; "
            "take the recipe there (config.yml), or weights that hold their classes",
        )
    if settings.character_dict_path:
        note(f"{DICTIONARY} is not read: Global.codec says the classes")
    try:
        return make_codec(read_codec(codec) if isinstance(codec, str) else codec, settings.direction)
    except (DataError, ValueError) as error:
        raise problem(CODEC, str(error)) from error
