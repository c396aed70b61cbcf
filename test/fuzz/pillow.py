"""What Pillow says of pictures that were accepted: `pillow.py FOLDER`, kept by run.mjs --keep (numpy, Pillow).

Lists those that Pillow refuses or reads otherwise. Of 10,000 damaged pictures these are left, all of them wanted:
- it refuses what it reads besides the pixels: a damaged EXIF block when it turns the picture, a JFIF or EXIF segment that
  is cut off when it looks for the resolution. The pixels are whole, and the same;
- it sees an EXIF block behind a PNG's pixels only once those are loaded;
- JPEGs whose quantization table or coefficients were changed so that samples lie far outside of 0..255: libjpeg's inverse
  DCT wraps them round, ours clamps them.
"""
import base64
import collections
import json
import os
import sys
import warnings

import numpy as np
from PIL import Image, ImageOps

warnings.simplefilter('ignore')
folder = sys.argv[1]
count = collections.Counter()
shown = collections.Counter()
for name in sorted((n for n in os.listdir(folder) if n.endswith('.bin')), key=lambda n: int(n[:-4])):
    case = name[:-4]
    try:
        image = Image.open(os.path.join(folder, name))
        mode = image.mode
        wanted = np.asarray(ImageOps.exif_transpose(image).convert('RGB')).astype(int)
    except Exception as error:
        wanted, reason = None, str(error)[:60]
    with open(os.path.join(folder, case + '.json')) as f:
        picture = json.load(f)
    pixels = np.frombuffer(base64.b64decode(picture['rgb']), np.uint8)
    got = pixels.reshape(picture['height'], picture['width'], 3).astype(int)
    if wanted is None:
        kind = f'Pillow refuses: {reason}'
    elif mode.startswith('I'):
        kind = 'both read, 16-bit gray (Pillow clips it)'
    elif got.shape != wanted.shape:
        kind = 'both read, sizes differ'
    else:
        most = abs(got - wanted).max()
        kind = 'both read, equal within 1' if most <= 1 else 'both read, more than 1 apart'
    count[kind] += 1
    if kind != 'both read, equal within 1' and shown[kind] < 4:
        shown[kind] += 1
        print(case, kind)
for kind, n in count.most_common():
    print(f'{n:6} {kind}')
