// Choices for adapters that were measured beforehand, where they are much faster than the default: made by
// `npm run bench -- --ship` from bench/results/*-choices.json, which `npm run bench -- --choices` measures.

export const shipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lavapipe: {
    'op=conv2d pass=dw dtype=f16 x=4,16,16,64 weight=3,3,64,64 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
  },
  swiftshader: {
    'op=conv2d pass=dw dtype=f32 x=4,16,16,64 weight=3,3,64,64 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
    'op=conv2d pass=dw dtype=f32 x=4,8,8,128 weight=3,3,128,128 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 2',
    'op=conv2d pass=dx dtype=f32 x=4,16,16,64 weight=3,3,64,64 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
    'op=conv2d pass=dx dtype=f32 x=4,8,8,128 weight=3,3,128,128 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
    'op=conv2d pass=forward dtype=f32 x=4,16,16,64 weight=3,3,64,64 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
    'op=conv2d pass=forward dtype=f32 x=4,8,8,128 weight=3,3,128,128 stride=1,1 padding=1,1 dilation=1,1 groups=1':
      'winograd 4',
  },
}
