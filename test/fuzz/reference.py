# What the reference implementations say of files that were accepted: /usr/bin/python3 reference.py FOLDER, where FOLDER
# was kept by run.mjs --keep. PyTorch for .pth, the safetensors package for .safetensors. Lists what they refuse or read
# otherwise.
import collections, json, math, os, sys, warnings

warnings.simplefilter('ignore')
folder = sys.argv[1]
NAMES = {'float64': 'f64', 'float32': 'f32', 'float16': 'f16', 'bfloat16': 'bf16', 'int64': 'i64', 'int32': 'i32',
         'int16': 'i16', 'int8': 'i8', 'uint8': 'u8', 'bool': 'bool'}


def of_torch(path):
    import torch
    state = torch.load(path, map_location='cpu')
    tensors = lambda d: {name: t for name, t in d.items() if isinstance(name, str) and isinstance(t, torch.Tensor)}
    most = max([*(v for v in state.values() if isinstance(v, dict)), state], key=lambda d: len(tensors(d)))
    return {name: (NAMES.get(str(t.dtype)[6:]), list(t.shape), t.reshape(-1)[:64]) for name, t in tensors(most).items()}


def of_safetensors(path):
    import safetensors
    return {name: (info['dtype'].lower(), list(info['shape']), None)
            for name, info in safetensors.deserialize(open(path, 'rb').read())}


def numbers(tensor, texts):
    """Equal to what was read, whose 16-bit floats are kept as bits."""
    import torch
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.contiguous().view(torch.int16).int() & 0xffff
    if tensor.dtype == torch.bool:
        tensor = tensor.contiguous().view(torch.uint8)
    for mine, theirs in zip(tensor.tolist(), texts):
        theirs = float(theirs.replace('Infinity', 'inf')) if isinstance(mine, float) else int(theirs)
        if mine != theirs and not (mine != mine and theirs != theirs):
            return False
    return len(texts) == min(64, tensor.numel())


found = collections.defaultdict(list)
files = sorted(f[:-4] for f in os.listdir(folder) if f.endswith('.bin'))
for name in files:
    path = os.path.join(folder, name + '.bin')
    summary = json.load(open(os.path.join(folder, name + '.json')))
    read, notes = summary['tensors'], summary['notes']
    left_out = any('left out' in note for note in notes)
    with open(path, 'rb') as file:
        zipped = file.read(4) == b'PK\x03\x04'
    try:
        theirs = (of_torch if zipped else of_safetensors)(path)
    except Exception as error:
        said = 'refused, and we said what is left out' if left_out else 'refused'
        found[f'{said}: ' + str(error).split('\n')[0][:100]].append(name)
        continue
    for key, (dtype, shape, values) in read.items():
        if key not in theirs:
            found['it has no such tensor'].append(name)
        elif theirs[key][0] != dtype or theirs[key][1] != shape:
            found['it has another type or shape'].append(name)
        elif theirs[key][2] is not None and not numbers(theirs[key][2], values):
            found['it has other values'].append(name)
    if len(theirs) > len(read) and not left_out:
        found['it has more tensors'].append(name)
print(len(files), 'accepted files')
for what, names in sorted(found.items(), key=lambda item: -len(item[1])):
    print(f'{len(names):6} {what}: {" ".join(names[:5])}')
