/** Words of the page “overview”, in Japanese. */

export default {
  "overview.title": "概要",

  "tile.running": "実行中",
  "tile.queued": "待機中",
  "tile.succeeded": "成功（過去24時間）",
  "tile.failed": "失敗（過去24時間）",
  "tile.workers": "ワーカー",

  "now.title": "実行中と次のジョブ",
  "now.all": "実行中のすべてのジョブ",
  "now.none": "実行中または待機中のジョブはありません。",
  "now.name": "ジョブ",
  "now.status": "ステータス",
  "now.progress": "進捗",
  "now.since": "いつから",

  "results.title": "最近の結果",
  "results.all": "すべての結果",
  "results.none": "成功したジョブはまだありません。",

  "queue.title": "リソースクラス別のキュー",
  "queue.class": "クラス",
  "queue.jobs": "ジョブ",
  "queue.oldest": "最長待ち時間",
  "queue.workers": "ワーカー",
  "queue.none": "待機中のジョブはなく、クラスを担当するワーカーもありません。",
  "queue.stuck": "クラス{classes}のジョブが待機していますが、担当するワーカーがありません。",

  "crew.all": "すべてのワーカー",
  "crew.busy": "{n}件のジョブを実行中",
  "crew.idle": "アイドル",
  "crew.draining": "終了準備中",
  "crew.cpu": "CPU、{n}コア、{model}",
  "crew.gpu": "GPU {n}基、{model}",

  "begin.title": "最初のモデルを蒸留しましょう",
  "begin.text": "大きな教師が小さな生徒を学習させます。同じ生徒を単独で学習させた場合と比べて何を得て何を失ったかを、テスト用分割で実証します。",
  "begin.teacher": "1. 教師を選択",
  "begin.teacherText": "組み込みのアーキテクチャ（最初に学習します）、またはお手持ちのモデルを使えます。",
  "begin.data": "2. データセットを選択",
  "begin.dataText": "組み込みのデータセット、またはお手持ちの画像、表、文章を使えます。",
  "begin.student": "3. 生徒と手法を選択",
  "begin.studentText": "実行前にプランとコストを確認できます。",
  "begin.go": "最初のジョブを作成",
};
