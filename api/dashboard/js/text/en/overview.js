/** Words of the page “overview”. */

export default {
  "overview.title": "Overview",

  "tile.running": "Running",
  "tile.queued": "Queued",
  "tile.succeeded": "Succeeded in 24 h",
  "tile.failed": "Failed in 24 h",
  "tile.workers": "Workers",

  "now.title": "Running and next",
  "now.all": "All running jobs",
  "now.none": "Nothing runs and nothing waits.",
  "now.name": "Job",
  "now.status": "Status",
  "now.progress": "Progress",
  "now.since": "Since",

  "results.title": "Recent results",
  "results.all": "All results",
  "results.none": "No job has succeeded yet.",

  "queue.title": "Queue by resource class",
  "queue.class": "Class",
  "queue.jobs": "Jobs",
  "queue.oldest": "Longest wait",
  "queue.workers": "Workers",
  "queue.none": "Nothing waits, and no worker serves a class.",
  "queue.stuck": { one: "Jobs wait for the class {classes}, which no worker serves.", other: "Jobs wait for the classes {classes}, which no worker serves." },

  "crew.all": "All workers",
  "crew.busy": { one: "Runs {n} job", other: "Runs {n} jobs" },
  "crew.idle": "Idle",
  "crew.draining": "Finishing up",
  "crew.cpu": { one: "CPU, {n} core, {model}", other: "CPU, {n} cores, {model}" },
  "crew.gpu": { one: "{n} GPU, {model}", other: "{n} GPUs, {model}" },

  "begin.title": "Distil your first model",
  "begin.text": "A large teacher trains a small student, and the service proves on a test split what was gained and lost against the same student trained alone.",
  "begin.teacher": "1. Choose a teacher",
  "begin.teacherText": "A built-in architecture that is trained first, or a model of your own.",
  "begin.data": "2. Choose a dataset",
  "begin.dataText": "One that is built in, or your own pictures, rows or sentences.",
  "begin.student": "3. Choose a student and a method",
  "begin.studentText": "You see the plan and its cost before anything runs.",
  "begin.go": "Start the first job",
};
