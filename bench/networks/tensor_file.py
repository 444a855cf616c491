"""Reads the tensors that lie beside real networks: ONNX's TensorProto, as far as those need it, without python3-onnx."""


def varint(data, at):
    """A number and where it ends: seven bits a byte, the lowest first."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a message; a number, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"a field of wire type {key & 7}")
        yield key >> 3, value


def read_float_tensor(path):
    """Its shape and its elements' bytes. ValueError or OSError when the file holds no such tensor."""
    dims, raw = [], b""
    with open(path, "rb") as file:
        data = file.read()
    try:
        for number, value in fields(data):
            if number == 1 and isinstance(value, int):
                dims.append(value)
            elif number == 1:
                at = 0
                while at < len(value):
                    size, at = varint(value, at)
                    dims.append(size)
            elif number == 2 and value != 1:
                raise ValueError("its elements are not float32")
            elif number == 9:
                raw = value
    except IndexError as error:
        raise ValueError("it is cut off") from error
    elements = 1
    for size in dims:
        elements *= size
    if len(raw) != 4 * elements:
        raise ValueError("its elements are not as many as its shape says")
    return dims, raw
