using Apache.Arrow;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>Whatever names, texts and numbers a batch holds, the same come back.</summary>
public sealed class InfluxContentTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static readonly Gen<double> AnyFinite = Gen.OneOf(
        Gen.Double, Gen.Double[-10, 10], Gen.Long.Select(BitConverter.Int64BitsToDouble), Gen.Int.Select(i => i / 1e6), Gen.Int.Select(i => i / 1e3), Gen.Int.Select(i => (double)i),
        Pick(0.0, -0.0, double.Epsilon, -double.Epsilon, double.MaxValue, double.MinValue, 1e9, 999_999_999.999_999, 0.1 + 0.2, 1e-6, 1e-7, 5e-7, 123456.7890125)).Where(d => !double.IsInfinity(d));

    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.String[Gen.Char.AlphaNumeric, 0, 12], Pick("", "\"", "\\", "\\\"", "a\nb", "a\r\n\tb", "x=1,y 2", "hvile – ladning", "😀", " ", "#", "\\n", "end\\"));

    private static Gen<T> Pick<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(k => values[k]);

    [Fact]
    public async Task Every_double_and_every_text_is_read_back_bit_for_bit()
    {
        var options = await InfluxFixture.NewDatabaseAsync();
        await using var store = new InfluxTelemetryStore(options, TimeProvider.System);
        var stream = 0;
        await Gen.Select(AnyFinite.Array[200], Gen.OneOf(AnyFinite, Gen.Const(double.NaN)).Array[200], AnyText.Array[200], Gen.Byte[0, 3].Array[200], Gen.Long[-1000, long.MaxValue / 4].Array[200])
            .SampleAsync((a, b, texts, quality, monotonic) => RoundTripAsync(store, $"s{Interlocked.Increment(ref stream)}", a, b, texts, quality, monotonic), iter: 30, threads: 1);
    }

    private static async Task RoundTripAsync(InfluxTelemetryStore store, string name, double[] a, double[] b, string[] texts, byte[] quality, long[] monotonic)
    {
        var (key, run) = (Entries.Key(name), $"runs/{name}");
        var block = new RecordBlock
        {
            UtcNs = [.. Enumerable.Range(1, a.Length).Select(k => Entries.AnchorUtcNs + k)],
            MonotonicNs = monotonic,
            Quality = quality,
            // Names that InfluxDB treats in its own way, as fields.
            Signals = new(["time", "channel"], ["stream"]),
            Values = [a.Select(v => double.IsNaN(v) ? 0 : v).ToArray(), b],
            Texts = [new(texts, [.. Enumerable.Range(0, a.Length).Select(k => (uint)k)])],
        };
        var stored = await store.AppendAsync([Entries.Opened(key, run), Entries.Entry(key, 1, new RecordsBody(block))], CancellationToken.None);
        Assert.All(stored, o => Assert.Equal(AppendResult.Stored, o.Result));
        await foreach (var batch in store.ReadAsync(new RecordQuery(run), CancellationToken.None))
        {
            Assert.Equal(a.Length, batch.Length);
            Assert.Equal(monotonic, ((Int64Array)batch.Column("_monotonic_ns")).Values.ToArray());
            Assert.Equal(quality, ((UInt8Array)batch.Column("_quality")).Values.ToArray());
            for (var k = 0; k < a.Length; k++)
            {
                Assert.Equal(BitConverter.DoubleToInt64Bits(block.Values[0][k]), BitConverter.DoubleToInt64Bits(((DoubleArray)batch.Column("time")).GetValue(k)!.Value));
                Assert.True(b[k].Equals(((DoubleArray)batch.Column("channel")).GetValue(k)!.Value), $"{b[k]:R}");
                Assert.Equal(texts[k], ((StringArray)batch.Column("stream")).GetString(k));
            }
        }
    }

    [Fact]
    public async Task Odd_names_of_channels_runs_and_streams_stay_what_they_are()
    {
        var options = await InfluxFixture.NewDatabaseAsync();
        var key = new StreamKey("agents/o'brien \\", "b \"1\"", "s,1=x\ny");
        const string run = "runs/it's \\ \"odd\"\n";
        var header = Entries.Header("rigs/a b,c=d\\/channels/\n1\\") with { InstrumentIdentity = "", Previous = new StreamKey("a", "b\"", "c\\") };
        await using (var store = new InfluxTelemetryStore(options, TimeProvider.System))
            await store.AppendAsync([Entries.Opened(key, run, header: header), Entries.Records(key, 1, 5), Entries.Event(key, 6, cause: "'\"\\"), Entries.Records(key, 1, 5, flavour: 1)], Cancellation);
        await using var again = new InfluxTelemetryStore(options, TimeProvider.System);
        var stream = Assert.Single(await again.GetStreamsAsync(run, Cancellation));
        Assert.Equal((key, run, header), (stream.Key, stream.Run, stream.Header));
        Assert.Equal(new RunCounts(5, 1, 0, 1), await again.CountAsync(run, Cancellation));
        Assert.Equal("'\"\\", Assert.Single(await again.GetEventsAsync(run, Cancellation)).Event.Cause);
    }

    [Fact]
    public async Task Streams_with_the_same_stamps_are_read_in_order_across_pages_and_exported_whole()
    {
        const int streams = 3, each = 15_000;
        using var folder = new TempFolder();
        await using var store = new InfluxTelemetryStore(await InfluxFixture.NewDatabaseAsync(), TimeProvider.System);
        var keys = Enumerable.Range(0, streams).Select(s => Entries.Key($"z{streams - s}")).ToArray();
        foreach (var key in keys) await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, each)], Cancellation);
        var read = new List<(string, long)>();
        await foreach (var batch in store.ReadAsync(new RecordQuery("runs/1"), Cancellation))
        {
            Assert.True(batch.Length <= RecordQuery.MaxBatchRows);
            for (var k = 0; k < batch.Length; k++) read.Add((((StringArray)batch.Column("_stream")).GetString(k), ((Int64Array)batch.Column("_seq")).GetValue(k)!.Value));
        }

        var expected = Enumerable.Range(1, each).SelectMany(seq => keys.Select(key => (key.ToString(), (long)seq))).ToList();
        Assert.Equal(expected, read);
        var segment = await store.ExportSegmentAsync("runs/1", [.. keys.Select(k => new StreamRange(k, new SequenceRange(0, each)))], folder.File("all.parquet"), Cancellation);
        Assert.Equal(streams * each, segment!.Records);
        Assert.Equal([folder.File("all.parquet")], Directory.GetFiles(folder.Root));
        var archived = SegmentReader.Read([segment.Path]).SelectMany(b => Enumerable.Range(0, b.Length).Select(k => (((StringArray)b.Column("_stream")).GetString(k), ((Int64Array)b.Column("_seq")).GetValue(k)!.Value)));
        Assert.Equal(expected.OrderBy(e => e.Item2).ThenBy(e => e.Item1), archived.OrderBy(e => e.Item2).ThenBy(e => e.Item1));
    }
}
