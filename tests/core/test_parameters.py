import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.algorithm import Hyperparameter, ParameterType
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.parameters import check_declared, check_value

STRING, INTEGER, FLOAT, BOOLEAN = ParameterType


def declared(
    kind: ParameterType, valid_type: str = "None", *valid_range: str, **more: object
) -> Hyperparameter:
    return Hyperparameter("p", kind, valid_type=valid_type, valid_range=valid_range, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (declared(STRING), "anything at all"),
        (declared(STRING), ""),
        (declared(INTEGER), "-12"),
        (declared(FLOAT), "1e-3"),
        (declared(BOOLEAN), "True"),
        (declared(INTEGER, "Range", "1", "10"), "10"),
        (declared(INTEGER, "Range", "", "10"), "-99999"),
        (declared(FLOAT, "Range", "0", ""), "1e300"),
        (declared(FLOAT, "Choice", "0.1", "0.01"), "1e-1"),
        (declared(BOOLEAN, "Choice", "true"), "TRUE"),
        (declared(FLOAT, "None", "0", "1"), "0.5"),
        (declared(STRING, "None", "sgd", "adam"), "adam"),
    ],
)
def test_good_values_pass(parameter: Hyperparameter, value: str):
    assert check_value(parameter, value) == value


@pytest.mark.parametrize(
    ("parameter", "value", "code"),
    [
        (declared(STRING, required=True), "", Code.PARAMETER_REQUIRED),
        (declared(STRING), "a\x00b", Code.PARAMETER_INVALID),
        (declared(STRING), "x" * 20_000, Code.PARAMETER_INVALID),
        (declared(INTEGER), "1.5", Code.PARAMETER_INVALID),
        (declared(INTEGER), "٣", Code.PARAMETER_INVALID),
        (declared(INTEGER), "9" * 5000, Code.PARAMETER_INVALID),
        (declared(FLOAT), "nan", Code.PARAMETER_INVALID),
        (declared(FLOAT), "1e999", Code.PARAMETER_INVALID),
        (declared(BOOLEAN), "yes", Code.PARAMETER_INVALID),
        (declared(INTEGER, "Range", "1", "10"), "0", Code.PARAMETER_INVALID),
        (declared(FLOAT, "Range", "0", "1"), "1.01", Code.PARAMETER_INVALID),
        (declared(STRING, "Choice", "a", "b"), "c", Code.PARAMETER_INVALID),
        (declared(FLOAT, "None", "0", "1"), "9", Code.PARAMETER_INVALID),
        (declared(INTEGER, "None", "8", "16", "32"), "9", Code.PARAMETER_INVALID),
        (declared(STRING, "None", "sgd", "adam"), "sdg", Code.PARAMETER_INVALID),
        (declared(STRING, "None", "0", "1"), "9", Code.PARAMETER_INVALID),
    ],
)
def test_bad_values_are_refused(parameter: Hyperparameter, value: str, code: str):
    with pytest.raises(InvalidInput) as caught:
        check_value(parameter, value)
    assert caught.value.code == code
    assert "'p'" in caught.value.message


@pytest.mark.parametrize(
    "parameters",
    [
        [Hyperparameter("a"), Hyperparameter("a")],
        [Hyperparameter("no spaces")],
        [declared(STRING, "Range", "1", "2")],
        [declared(INTEGER, "Range", "1")],
        [declared(INTEGER, "Range", "2", "1")],
        [declared(INTEGER, "Range", "one", "2")],
        [declared(INTEGER, "Range", "", "")],
        [declared(INTEGER, "None", "2", "1")],
        [declared(INTEGER, "Choice", "1", "two")],
        [declared(BOOLEAN, "Choice", "perhaps")],
        [declared(STRING, "None", "0", "1")],
        [declared(STRING, required=True, editable=False)],
        [declared(STRING, "Choice")],
        [declared(STRING, "Perhaps")],
        [declared(INTEGER, default="ten")],
        [Hyperparameter(f"p{i}") for i in range(201)],
    ],
)
def test_declarations_that_make_no_sense_are_refused(parameters: list[Hyperparameter]):
    with pytest.raises(InvalidInput):
        check_declared(parameters)


@pytest.mark.parametrize(
    ("parameter", "kind"),
    [
        (declared(FLOAT, "None", "0", "1"), "Range"),
        (declared(FLOAT, "None", "0.1", "0.2", "0.3"), "Choice"),
        (declared(STRING, "None", "sgd", "adam"), "Choice"),
        (declared(STRING), "None"),
    ],
)
def test_what_an_open_range_means_is_spelt_out(parameter: Hyperparameter, kind: str):
    (found,) = check_declared([parameter])
    assert found.valid_type == kind
    assert found.valid_range == parameter.valid_range


def test_a_required_parameter_may_be_declared_without_a_default():
    assert check_declared([declared(INTEGER, required=True)])


@given(st.sampled_from(ParameterType), st.text(max_size=50), st.sampled_from(["None", "Range", "Choice"]))
def test_any_text_is_accepted_or_refused_never_worse(kind: ParameterType, value: str, valid_type: str):
    parameter = declared(kind, valid_type, "0", "100")
    with contextlib.suppress(InvalidInput):
        assert check_value(parameter, value) == value
