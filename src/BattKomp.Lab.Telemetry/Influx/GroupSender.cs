using System.Globalization;
using System.Net;
using System.Text;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Writes one group: records, then the store's own rows, then the ledger. What InfluxDB refuses is narrowed down by halves to the records at fault; the
/// rest is stored, and the entry goes to quarantine with the reason.
/// </summary>
internal sealed class GroupSender(InfluxClient client, InfluxOptions options)
{
    private const int BytesPerWrite = 8 << 20, OwnBytesPerWrite = 4 << 20, MostRefusalsOfEntry = 64;

    public async Task SendAsync(WriteGroup group, long nowUtcNs, CancellationToken cancellation)
    {
        await RecordsAsync(group.Pieces, cancellation);
        foreach (var entry in group.Pieces.Where(p => p.Refused.Count > 0).GroupBy(p => p.Entry)) Refuse(group, [.. entry], nowUtcNs);
        await OwnAsync(group.Own, cancellation);
        using var ledger = new LineBuffer();
        foreach (var (stream, row) in group.Ledger) OwnRows.Ledger(ledger, stream, row);
        foreach (var piece in group.Pieces)
            foreach (var row in RowsOf(piece)) OwnRows.Ledger(ledger, piece.Stream, row);
        await OwnAsync(ledger, cancellation);
    }

    /// <summary>The ledger rows of a piece: one, or what the refused records leave.</summary>
    public static IEnumerable<LedgerRow> RowsOf(RecordPiece piece)
    {
        if (piece.Refused.Count == 0) return [piece.Row];
        var stored = piece.Row.Range;
        var rows = new List<LedgerRow>();
        var next = stored.First;
        foreach (var seq in piece.Refused.Keys.Append(stored.Last + 1))
        {
            if (seq > next) rows.Add(Part(piece, new SequenceRange(next, seq - 1)));
            next = seq + 1;
        }

        return rows;
    }

    private static LedgerRow Part(RecordPiece piece, SequenceRange range)
    {
        var start = piece.Start + (int)(range.First - piece.Row.Range.First);
        var slice = piece.Block.Slice(start, (int)range.Count);
        return new LedgerRow(range, InfluxNames.KindRecords, EntryHash.Of(new RecordsBody(slice)), range.Count, slice.UtcNs[0], slice.UtcNs[^1]);
    }

    private async Task RecordsAsync(IReadOnlyList<RecordPiece> pieces, CancellationToken cancellation)
    {
        using var lines = new LineBuffer();
        var cuts = new List<Cut>();
        foreach (var piece in pieces)
        {
            var encoder = new RecordLines(piece);
            for (var at = 0; at < piece.Count;)
            {
                var begun = at;
                while (at < piece.Count && lines.Lines < options.LinesPerWrite && lines.Length < BytesPerWrite) encoder.Write(lines, at++);
                cuts.Add(new Cut(piece, begun, at - begun));
                if (lines.Lines < options.LinesPerWrite && lines.Length < BytesPerWrite) continue;
                await WriteAsync(lines, cuts, cancellation);
            }
        }

        if (lines.Lines > 0) await WriteAsync(lines, cuts, cancellation);
    }

    private async Task WriteAsync(LineBuffer lines, List<Cut> cuts, CancellationToken cancellation)
    {
        try
        {
            await client.WriteAsync(options.Records, lines.Written, cancellation);
        }
        catch (InfluxRefusedException refusal)
        {
            await NarrowAsync([.. cuts], refusal, cancellation);
        }

        lines.Clear();
        cuts.Clear();
    }

    // Every record was refused together with others; the halves are written again (the same lines again change nothing) until one record is alone.
    private async Task NarrowAsync(List<Cut> cuts, InfluxRefusedException refusal, CancellationToken cancellation)
    {
        if (cuts is [{ Count: 1 } alone])
        {
            alone.Piece.Refused[alone.Piece.SeqOf(alone.Piece.Start + alone.From)] = Reason(refusal);
            return;
        }

        // An entry of which nearly everything is refused is kept aside whole; its neighbours must not wait for thousands of writes.
        if (cuts is [var rest] && rest.Piece.Refused.Count >= MostRefusalsOfEntry && refusal.Status != HttpStatusCode.RequestEntityTooLarge)
        {
            for (var k = 0; k < rest.Count; k++) rest.Piece.Refused[rest.Piece.SeqOf(rest.Piece.Start + rest.From + k)] = Reason(refusal);
            return;
        }

        foreach (var half in Halves(cuts))
        {
            using var lines = new LineBuffer();
            foreach (var cut in half)
            {
                var encoder = new RecordLines(cut.Piece);
                for (var k = 0; k < cut.Count; k++) encoder.Write(lines, cut.From + k);
            }

            try
            {
                await client.WriteAsync(options.Records, lines.Written, cancellation);
            }
            catch (InfluxRefusedException again)
            {
                await NarrowAsync(half, again, cancellation);
            }
        }
    }

    private static List<Cut>[] Halves(List<Cut> cuts)
    {
        if (cuts.Count > 1) return [cuts[..(cuts.Count / 2)], cuts[(cuts.Count / 2)..]];
        var (piece, from, count) = cuts[0];
        return [[new Cut(piece, from, count / 2)], [new Cut(piece, from + count / 2, count - count / 2)]];
    }

    private static string Reason(InfluxRefusedException refusal) => $"{(int)refusal.Status} {refusal.Message}";

    private static void Refuse(WriteGroup group, List<RecordPiece> pieces, long nowUtcNs)
    {
        var refused = pieces.SelectMany(p => p.Refused).ToList();
        var reason = $"InfluxDB refused {refused.Count} of {pieces.Sum(p => p.Count)} records, first sequence {refused[0].Key.ToString(CultureInfo.InvariantCulture)}: {refused[0].Value}";
        var piece = pieces[0];
        var aside = new AsideEntry(piece.Entry, reason, piece.Stream.Run);
        OwnRows.Aside(group.Own, aside, aside.Key, nowUtcNs);
        piece.Work.Outcomes[piece.Index] = new AppendOutcome(AppendResult.Quarantined, reason, null, piece.Stream.Run);
    }

    private async Task OwnAsync(LineBuffer lines, CancellationToken cancellation)
    {
        var from = 0;
        for (var k = 0; k < lines.Ends.Count; k++)
        {
            var last = k == lines.Ends.Count - 1;
            if (!last && lines.Ends[k + 1] - from <= OwnBytesPerWrite) continue;
            await client.WriteOwnAsync(options.Ledger, lines.Written[from..lines.Ends[k]], cancellation);
            from = lines.Ends[k];
        }
    }

    /// <summary>Records of a piece, counted from its start.</summary>
    private readonly record struct Cut(RecordPiece Piece, int From, int Count);
}

/// <summary>Writes the records of one piece as lines; all names are encoded once.</summary>
internal sealed class RecordLines
{
    private readonly RecordPiece _piece;
    private readonly byte[][] _numeric, _text;

    public RecordLines(RecordPiece piece)
    {
        _piece = piece;
        (_numeric, _text) = Names.Of(piece.Block.Signals);
    }

    /// <summary>Writes record <paramref name="at"/> of the piece.</summary>
    public void Write(LineBuffer to, int at)
    {
        var block = _piece.Block;
        var k = _piece.Start + at;
        to.Raw(_piece.Stream.RecordPrefix);
        to.Integer(_piece.Row.Range.First + at);
        for (var c = 0; c < _numeric.Length; c++)
        {
            var value = block.Values[c][k];
            // No value is no field: InfluxDB knows no NaN.
            if (double.IsNaN(value)) continue;
            to.Raw(_numeric[c]);
            to.Float(value);
        }

        for (var c = 0; c < _text.Length; c++)
        {
            to.Raw(_text[c]);
            to.Text(block.Texts[c][k]);
        }

        if (block.MonotonicNs[k] != unchecked(block.UtcNs[k] - _piece.Stream.Header.AnchorUtcNs))
        {
            to.Raw(",_monotonic_ns="u8);
            to.Integer(block.MonotonicNs[k]);
        }

        if (block.Quality.Length > 0 && block.Quality[k] != 0)
        {
            to.Raw(",_quality="u8);
            to.Integer(block.Quality[k]);
        }

        to.EndLine(block.UtcNs[k]);
    }

    private static class Names
    {
        // Agents send a handful of signal sets over and over.
        private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<SignalSet, object> Known = [];

        public static (byte[][] Numeric, byte[][] Text) Of(SignalSet signals) =>
            ((byte[][] Numeric, byte[][] Text))Known.GetValue(signals, s => (Encode(s.Numeric), Encode(s.Text)));

        private static byte[][] Encode(IReadOnlyList<string> names) => [.. names.Select(n => Encoding.UTF8.GetBytes($",{InfluxNames.FieldOf(n)}="))];
    }
}
