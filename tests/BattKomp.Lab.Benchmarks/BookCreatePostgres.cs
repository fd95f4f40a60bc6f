using System.Diagnostics;
using System.Globalization;
using BattKomp.Lab.Simulators.Hosting;
using Npgsql;

namespace BattKomp.Lab.Benchmarks;

/// <summary>A PostgreSQL 15 of its own for `book-create`: temporary cluster, loopback, fsync on, stopped by its process id.</summary>
internal sealed class BookCreatePostgres : IAsyncDisposable
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private static readonly bool AsRoot = Environment.UserName == "root";
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-bench-pg-").FullName;
    private readonly int _port = FreePort.Next();
    private Process? _server;
    private int _pid;

    /// <summary>The folder on the disk that the database writes to.</summary>
    internal string Folder => _folder;

    internal static async Task<BookCreatePostgres> StartAsync()
    {
        var postgres = new BookCreatePostgres();
        var data = Path.Combine(postgres._folder, "data");
        if (AsRoot) await RunAsync(new ProcessStartInfo("chown", ["postgres", postgres._folder]));
        await RunAsync(AsPostgres("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"));
        postgres._server = Process.Start(AsPostgres("postgres", "-D", data, "-k", postgres._folder, "-h", "127.0.0.1", "-p", postgres._port.ToString(CultureInfo.InvariantCulture)))!;
        postgres._server.BeginOutputReadLine();
        postgres._server.BeginErrorReadLine();
        try
        {
            await postgres.UntilItAnswersAsync();
            postgres._pid = int.Parse((await File.ReadAllLinesAsync(Path.Combine(data, "postmaster.pid")))[0], CultureInfo.InvariantCulture);
            return postgres;
        }
        catch
        {
            postgres._server.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>A new, empty database.</summary>
    internal async Task<string> CreateAsync(string name)
    {
        await using var connection = new NpgsqlConnection(Connection("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return Connection(name);
    }

    /// <summary>CPU seconds of the server and its backends so far, those that have ended included.</summary>
    internal double CpuSeconds()
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            var stat = TryRead(Path.Combine(folder, "stat"));
            // The command name stands in brackets and may hold spaces; fields are counted after it.
            var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 15) continue;
            var (self, parent) = (Path.GetFileName(folder) == $"{_pid}", fields[1] == $"{_pid}");
            if (self || parent) ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
            if (self) ticks += long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture);
        }
        return ticks / 100.0;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await RunAsync(new ProcessStartInfo("kill", ["-INT", $"{_pid}"]));
        await _server!.WaitForExitAsync();
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Connection(string database) => $"Host=127.0.0.1;Port={_port};Username=postgres;Database={database};Maximum Pool Size=40;Max Auto Prepare=128;Auto Prepare Min Usages=2";

    private async Task UntilItAnswersAsync()
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(Connection("postgres"));
                await connection.OpenAsync();
                return;
            }
            catch (NpgsqlException) when (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(60))
            {
                await timer.WaitForNextTickAsync();
            }
        }
    }

    private static ProcessStartInfo AsPostgres(string program, params string[] arguments) => AsRoot
        ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", Path.Combine(Binaries, program), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" }
        : new ProcessStartInfo(Path.Combine(Binaries, program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };

    private static async Task RunAsync(ProcessStartInfo start)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{start.FileName} ended with {process.ExitCode}: {await output} {error}");
    }

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            // The process has ended meanwhile.
            return "";
        }
    }
}
