using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.Tests.BatteryData;
using BattKomp.Lab.Tests.Support;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Properties;

public sealed class RowReaderProperties
{
    private const int LargestFuzz = 64 * 1024;
    private static readonly byte[] Poison = [.. ",;\t\n\r\"-.:/09aTdE "u8, 0, 0xFF];

    [Fact]
    public void Any_cutting_of_any_export_gives_the_rows_of_one_reading()
    {
        foreach (var file in RowCases.Golden)
        {
            var bytes = File.ReadAllBytes(GoldenFiles.Path(file.Split('/')));
            var whole = Feed(bytes, []);
            Assert.NotEmpty(whole);
            Gen.Int[0, bytes.Length].Array[0, 40].Sample(cuts => Feed(bytes, cuts).SequenceEqual(whole), iter: 100);
        }
    }

    [Fact]
    public void Random_and_damaged_bytes_never_throw_and_never_loop()
    {
        var golden = RowCases.Golden.Select(f => File.ReadAllBytes(GoldenFiles.Path(f.Split('/')))).ToArray();
        var random = Gen.Byte.Array[0, LargestFuzz];
        var damaged = Gen.Select(Gen.Int[0, golden.Length - 1], Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[0, Poison.Length - 1]).Array[0, 12], Gen.Int[1, 40])
            .Select((which, hits, copies) =>
            {
                var bytes = Enumerable.Repeat(golden[which], copies).SelectMany(b => b).Take(LargestFuzz).ToArray();
                foreach (var (at, poison) in hits) bytes[at % bytes.Length] = Poison[poison];
                return bytes;
            });
        Gen.OneOf(random, damaged, damaged).Sample(bytes =>
        {
            foreach (var importer in RowImporters.All)
            {
                _ = importer.Recognises(bytes);
                var reader = importer.Open("fuzz", new ImportOptions { TimeZone = "Europe/Oslo" });
                var sink = new TranscriptSink();
                reader.Feed(bytes, sink);
                reader.Complete(sink);
                _ = reader.Describe();
                Assert.True(reader.Rows <= reader.Lines && sink.Rows <= reader.Rows);
            }
        }, iter: 300);
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_whole_and_nothing_else_happens()
    {
        using var folder = new TempFolder();
        var golden = RowCases.Golden.Select(f => File.ReadAllBytes(GoldenFiles.Path(f.Split('/')))).ToArray();
        Gen.Select(Gen.Int[0, golden.Length - 1], Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[0, Poison.Length - 1]).Array[1, 4]).Sample((which, hits) =>
        {
            var bytes = (byte[])golden[which].Clone();
            foreach (var (at, poison) in hits) bytes[at % bytes.Length] = Poison[poison];
            File.WriteAllBytes(folder.File("damaged"), bytes);
            var result = BatteryFiles.TryRead(folder.File("damaged"), new ImportOptions { AllowIncomplete = true });
            Assert.True(result.Table is null != result.Failure is null);
        }, iter: 500, threads: 1);
    }

    private static List<string> Feed(byte[] bytes, int[] cuts)
    {
        var reader = RowImporters.Recognise(bytes)!.Open("file", new ImportOptions { AllowIncomplete = true });
        var sink = new TranscriptSink();
        var from = 0;
        foreach (var cut in cuts.Order().Append(bytes.Length))
        {
            reader.Feed(bytes.AsSpan(from, cut - from), sink);
            from = cut;
        }

        reader.Complete(sink);
        sink.Lines.AddRange(reader.Describe().Notes.Select(n => n.ToString()));
        return sink.Lines;
    }
}
