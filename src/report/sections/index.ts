// The parts of a report's page: each takes the runs and gives HTML.
export { type AddressOf, NO_DEVICE, type Section } from './common.js'
export { dataSection } from './data.js'
export { gridSection, mistakesSection } from './pictures.js'
export { calibrationSection, comparisonSection, confusionSection, curvesSection, testsSection } from './results.js'
export { reportingSection } from './reviewer.js'
export { learningSection, settingsSection, summary, timesSection } from './runs.js'
