// Choices for adapters that were measured beforehand, where they differ enough from the usual ones: made by `npm run
// bench -- --ship` from bench/results/*-choices.json, which `npm run bench -- --choices` measures.

export const shipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lavapipe: {
    'conv2d dw f16 4×16×16×64 by 3×3×64×64, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
  },
  swiftshader: {
    'conv2d dw 4×16×16×64 by 3×3×64×64, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
    'conv2d dw 4×8×8×128 by 3×3×128×128, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 2',
    'conv2d dx 4×16×16×64 by 3×3×64×64, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
    'conv2d dx 4×8×8×128 by 3×3×128×128, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
    'conv2d forward 4×16×16×64 by 3×3×64×64, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
    'conv2d forward 4×8×8×128 by 3×3×128×128, stride 1,1, padding 1,1, dilation 1,1, groups 1': 'winograd 4',
  },
}
