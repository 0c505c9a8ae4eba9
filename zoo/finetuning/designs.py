"""What a part is, without its place in a model."""

NAMES = ("name", "build_config")
# Entries of configs that tell a part's place in a model, not what it is.
PLACE = (*NAMES, "build_input_shape", "batch_shape", "event_shape", "target_shape")


def design(part, without=PLACE):
    """Returns what a part is: its class, and its config without some entries."""

    def stripped(value):
        if isinstance(value, list | tuple):
            return [stripped(item) for item in value]
        if isinstance(value, dict):
            return {key: stripped(item) for key, item in value.items() if key not in without}
        return value

    return type(part), stripped(part.get_config())
