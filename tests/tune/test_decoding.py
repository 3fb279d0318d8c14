"""Temperature and weight of a language model: what is said of a setting is what an evaluation with it gives."""

import json
import shutil

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.cli.check import main as check
from ppocr_like.cli.tune import main
from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.engine import evaluate, train
from ppocr_like.errors import ConfigError
from ppocr_like.metrics.line_rules import LineRules
from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.postprocess.ngram.kneser_ney import estimate_labels
from ppocr_like.postprocess.ngram.table import write_table
from ppocr_like.tune.decoding import tune_decoder
from ppocr_like.tune.maps import INDEX
from ppocr_like.tune.readings import KeptLine, ReadSet
from ppocr_like.tune.temperature import fit_temperature
from ppocr_like.weights import load_weights

load_components()


@pytest.fixture
def model(tiny_run, tmp_path):
    charset = load_weights(tiny_run.folder).charset
    path = tmp_path / "lm.npz"
    with open(path, "wb") as file:
        write_table(estimate_labels([charset.encode(label) for label in tiny_run.labels], charset, 3).model, file)
    return path


def recipe(tiny_run, model, *more):
    own = [f"Global.pretrained_model={tiny_run.folder}", "PostProcess.decoder=beam", f"PostProcess.lm={model}"]
    return load_recipe(tiny_run.recipe, [*own, *more])


def test_every_setting_is_what_its_evaluation_gives(tiny_run, model, tmp_path):
    grid = ["lm_weight=0.5", "length_bonus=1"]
    tuning = tune_decoder(recipe(tiny_run, model), grid, tmp_path, progress=False)
    assert tuning.lines == len(tiny_run.images) + 1  # one image is missing
    assert {(one.values["lm_weight"], one.values["length_bonus"]) for one in tuning.outcomes} == {
        (weight, bonus) for weight in (0.5, 1.5) for bonus in (0.0, 1.0)
    }
    before, after = tuning.temperatures
    assert after.loss <= before.loss and before.temperature == 1.0
    one = tuning.outcomes[-1]
    wanted = [f"PostProcess.{name}={value}" for name, value in {**one.values, "temperature": after.temperature}.items()]
    (evaluation,) = evaluate(recipe(tiny_run, model, *wanted))
    for name in ("acc", "cer", "wer", "n"):
        assert one.metrics[name] == pytest.approx(evaluation.metrics[name], abs=1e-12)
        assert tuning.greedy.metrics[name] == pytest.approx(evaluation.beside["greedy"][name], abs=1e-12)
    (greedy,) = evaluate(recipe(tiny_run, "null", "PostProcess.decoder=greedy", *wanted[-1:]), analyse=True)
    told = greedy.analysis.of_characters.numbers()
    assert told["expected_calibration_error"] == pytest.approx(after.characters["expected_calibration_error"], abs=1e-6)


def test_the_characters_of_the_weights_are_those_of_a_recipe_that_names_none(tiny_run, model, tmp_path):
    """Tune, evaluation, check and training read, compare and learn what the model of the language was made of."""
    unnamed = ["Global.character_dict_path=null", "Global.codec=null"]
    given = recipe(tiny_run, model), recipe(tiny_run, model, *unnamed)
    named, without = (tune_decoder(one, ["lm_weight=0.5", "length_bonus=1"], tmp_path, progress=False) for one in given)
    assert without.greedy.metrics == named.greedy.metrics and without.outcomes == named.outcomes
    for more in ((), unnamed):
        (evaluation,) = evaluate(recipe(tiny_run, model, *more))
        assert evaluation.beside["greedy"]["cer"] == pytest.approx(named.greedy.metrics["cer"], abs=1e-12)
    overrides = [f"Global.pretrained_model={tiny_run.folder}", f"PostProcess.lm={model}", "PostProcess.decoder=beam", *unnamed]
    assert check(["-c", str(tiny_run.recipe), "-o", *overrides]) == 0
    more = ["Global.epoch_num=1", f"Global.save_model_dir={tmp_path / 'run'}"]
    train(recipe(tiny_run, model, *unnamed, *more))
    assert load_weights(tmp_path / "run").charset == load_weights(tiny_run.folder).charset


def test_the_tool_keeps_the_values_in_recipe_and_weights(tiny_run, model, tmp_path, capsys):
    path, folder = tmp_path / "recipe.yml", tmp_path / "run"
    path.write_text("# mine\n" + tiny_run.recipe.read_text(encoding="utf-8"), encoding="utf-8")
    shutil.copytree(tiny_run.folder, folder)
    given = [f"Global.pretrained_model={folder}", "PostProcess.decoder=beam", f"PostProcess.lm={model}"]
    call = ["-c", str(path), "-o", *given, "--grid", "lm_weight=0.25", "length_bonus=0", "temperature=2", "--out"]
    main([*call, str(tmp_path / "out"), "--write", "--into-weights"])
    (index,) = (tmp_path / "out").rglob(INDEX)
    assert "expected calibration error of characters" in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    best = results["settings"][0]
    weights = load_weights(folder)
    for post in (load_recipe(path).get("PostProcess"), weights.recipe["PostProcess"]):
        assert (post["decoder"], post["lm"], post["temperature"]) == ("beam", str(model), 2.0)
        assert post.get("lm_weight", 1.5) == best["lm_weight"]
    assert path.read_text(encoding="utf-8").startswith("# mine\n")
    assert weights.charset == load_weights(tiny_run.folder).charset
    state = load_weights(tiny_run.folder).state
    assert all((weights.state[name] == tensor).all() for name, tensor in state.items())
    assert len(list((tmp_path / "out").rglob("*.npy"))) == len(tiny_run.images) and index.is_file()


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (["lm_weight=-1"], "lm_weight: is -1"),
        (["beam=3"], "beam: cannot be tried"),
        (["temperature=1,2"], "give one value"),
        (["length_bonus=a"], "numbers are needed"),
    ],
)
def test_a_wrong_grid_is_refused(tiny_run, model, tmp_path, items, said):
    with pytest.raises(ConfigError, match=said):
        tune_decoder(recipe(tiny_run, model), items, tmp_path, progress=False)


def test_a_weight_of_no_model_is_refused(tiny_run, tmp_path):
    greedy = load_recipe(tiny_run.recipe, [f"Global.pretrained_model={tiny_run.folder}"])
    with pytest.raises(ConfigError, match="has no use without a language model"):
        tune_decoder(greedy, ["lm_weight=1"], tmp_path, progress=False)


def test_the_temperature_of_a_network_that_is_twice_too_sure(tmp_path):
    charset, rng = Charset("abcd"), np.random.default_rng(3)
    lines = []
    for number in range(300):
        logits = rng.normal(0, 2.5, (6, 4))
        true = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
        text = "".join(rng.choice(list("abcd"), p=row) for row in true)
        array = np.full((12, 5), 1e-6, np.float32)
        array[1::2, 0] = 1.0
        array[::2, 1:] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.save(tmp_path / f"{number}.npy", array / array.sum(axis=1, keepdims=True))
        lines.append(KeptLine(text, "", tmp_path / f"{number}.npy", 12))
    before, after = fit_temperature(ReadSet(lines, []), CTCLabelDecode(charset=charset), LineRules(ignore_space=False))
    assert 1.6 < after.temperature < 2.5
    error = "expected_calibration_error"
    assert after.characters[error] < 0.05 < before.characters[error]
    assert after.loss < before.loss
