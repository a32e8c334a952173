"""`xml` and `xml2js`."""

from __future__ import annotations

from tests.libraries.harness import value


def test_xml_writes() -> None:
    code = """
        return [xml({ a: [{ b: 1 }] }), xml([{ a: { _attr: { x: '"' }, _cdata: 'i < j' } }], { indent: ' ' }),
          xml({ a: '<&>' }, { declaration: true })]
        """

    assert value(code) == [
        "<a><b>1</b></a>",
        '<a x="&quot;"><![CDATA[i < j]]></a>',
        '<?xml version="1.0" encoding="UTF-8"?><a>&lt;&amp;&gt;</a>',
    ]


def test_xml_streams() -> None:
    code = """
        const root = xml.element({ _attr: { decade: '80s' } })
        const chunks = []
        xml({ toys: root }, { stream: true }).on('data', (chunk) => chunks.push(String(chunk)))
        root.push({ toy: 'Transformers' })
        root.close()
        await new Promise((resolve) => setTimeout(resolve, 1))
        return chunks.join('')
        """

    assert value(code) == '<toys decade="80s"><toy>Transformers</toy></toys>'


def test_xml2js_reads_and_writes() -> None:
    code = """
        const text = '<a x="1"><b>one</b><b>two</b><c/></a>'
        return [
          await xml2js.parseStringPromise(text),
          await xml2js.parseStringPromise(text, { explicitArray: false, mergeAttrs: true }),
          await new Promise((resolve) => xml2js.parseString('<a>', (error) => resolve(error.message))),
          new xml2js.Builder({ headless: true, renderOpts: { pretty: false } }).buildObject({ a: { $: { x: 1 }, b: ['é', '<'] } }),
        ]
        """

    assert value(code) == [
        {"a": {"$": {"x": "1"}, "b": ["one", "two"], "c": [""]}},
        {"a": {"x": "1", "b": ["one", "two"], "c": ""}},
        "Unclosed root tag\nLine: 0\nColumn: 3\nChar: ",
        '<a x="1"><b>é</b><b>&lt;</b></a>',
    ]
