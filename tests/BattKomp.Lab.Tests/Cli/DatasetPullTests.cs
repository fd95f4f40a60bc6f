using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class DatasetPullTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-pull-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_file_arrives_checked_and_a_second_pull_fetches_nothing()
    {
        await using var peer = await DatasetPeer.StartAsync();

        var first = await PullAsync(peer);
        var asked = peer.Asked.Count;
        var second = await PullAsync(peer);

        Assert.Equal((0, 0), (first.Exit, second.Exit));
        Assert.Equal(3, asked);
        Assert.Equal(asked, peer.Asked.Count);
        Assert.All(second.Json.GetProperty("files").EnumerateArray(), f => Assert.Equal("present", f.GetProperty("how").GetString()));
        foreach (var (file, bytes) in peer.Files) Assert.Equal(bytes, await BytesAsync(file));
        Assert.Equal(3, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public async Task A_pull_that_broke_off_goes_on_where_it_stopped()
    {
        await using var peer = await DatasetPeer.StartAsync();
        peer.BreakAfter = 6000;
        var broken = await PullAsync(peer);
        Assert.Equal(2, broken.Exit);
        Assert.False(File.Exists(Path.Combine(_folder, "x.bdf.parquet")));

        peer.BreakAfter = null;
        var whole = await PullAsync(peer);

        Assert.Equal(0, whole.Exit);
        var file = whole.Json.GetProperty("files").EnumerateArray().Single(f => f.GetProperty("file").GetString() == "x.bdf.parquet");
        Assert.Equal("resumed", file.GetProperty("how").GetString());
        Assert.True(file.GetProperty("resumed_at").GetInt64() > 0);
        Assert.Contains(peer.Asked, a => a.File == "x.bdf.parquet" && a.Offset == file.GetProperty("resumed_at").GetInt64());
        Assert.Equal(peer.Files["x.bdf.parquet"], await BytesAsync("x.bdf.parquet"));
    }

    [Fact]
    public async Task A_spoiled_part_is_thrown_away_and_fetched_again()
    {
        await using var peer = await DatasetPeer.StartAsync();
        peer.BreakAfter = 6000;
        await PullAsync(peer);
        var part = Assert.Single(Directory.GetFiles(_folder, ".x.bdf.parquet.*.part"));
        var bytes = await File.ReadAllBytesAsync(part, TestContext.Current.CancellationToken);
        bytes[17] ^= 1;
        await File.WriteAllBytesAsync(part, bytes, TestContext.Current.CancellationToken);

        peer.BreakAfter = null;
        var whole = await PullAsync(peer);

        Assert.Equal(0, whole.Exit);
        Assert.Equal(peer.Files["x.bdf.parquet"], await BytesAsync("x.bdf.parquet"));
    }

    [Fact]
    public async Task A_file_that_is_not_what_the_manifest_says_is_refused_and_leaves_nothing()
    {
        await using var peer = await DatasetPeer.StartAsync();
        peer.Files["x.bdf.parquet"] = [.. peer.Files["x.bdf.parquet"].Reverse()];

        var ran = await PullAsync(peer);

        Assert.Equal(1, ran.Exit);
        Assert.Equal("HASH_MISMATCH", ran.Failure.GetProperty("reason").GetString());
        Assert.Equal("x.bdf.parquet", ran.Failure.GetProperty("metadata").GetProperty("file").GetString());
        Assert.DoesNotContain(Directory.GetFiles(_folder), f => f.Contains("parquet"));
    }

    [Fact]
    public async Task A_listing_that_contradicts_its_manifest_is_refused_before_its_files_are_fetched()
    {
        await using var peer = await DatasetPeer.StartAsync();
        peer.Dataset.Files.Single(f => f.File == "cycles.csv").Sha256 = new string('0', 64);

        var ran = await PullAsync(peer);

        Assert.Equal(1, ran.Exit);
        Assert.Equal("DATASET_BROKEN", ran.Failure.GetProperty("reason").GetString());
        Assert.Equal("manifest.json", Assert.Single(peer.Asked).File);
    }

    [Theory]
    [InlineData("../escape")]
    [InlineData("/etc/escape")]
    [InlineData("..")]
    [InlineData("a\\b")]
    public async Task A_file_name_from_outside_never_chooses_the_folder(string name)
    {
        await using var peer = await DatasetPeer.StartAsync();
        peer.Dataset.Files.Add(new DatasetFile { File = name, Bytes = 1, Sha256 = new string('0', 64) });

        var ran = await PullAsync(peer);

        Assert.Equal(1, ran.Exit);
        Assert.Empty(Directory.GetFiles(_folder));
        Assert.Empty(peer.Asked);
    }

    private Task<Ran> PullAsync(DatasetPeer peer) => Battlab.AsAsync(peer.Address, "token", "datasets", "pull", DatasetPeer.Name, "--out", _folder, "--json");

    private Task<byte[]> BytesAsync(string file) => File.ReadAllBytesAsync(Path.Combine(_folder, file), TestContext.Current.CancellationToken);
}
