/** Words of the sign-in page, in Japanese. */

export default {
  "signin.title": "サインイン",
  "signin.key": "APIキー",
  "signin.hint": "お使いのマシンで「distill up」を実行した場合、キーはホームフォルダー（~/.distillery）のclient.jsonにあります。",
  "signin.submit": "サインイン",
  "signin.show": "表示",
  "signin.hide": "非表示",
  "signin.wrong": "このキーは登録されていません。入力の誤り、失効、または期限切れです。もう一度コピーするか、別のキーの発行を依頼してください。",
  "signin.empty": "APIキーを入力してください。キーはdk_で始まります。",
  "signin.ended": "セッションが終了しました。再度サインインすると、元の画面から続けられます。",
};
