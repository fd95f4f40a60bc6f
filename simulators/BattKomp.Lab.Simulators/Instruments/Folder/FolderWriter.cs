using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Time;

namespace BattKomp.Lab.Simulators.Instruments.Folder;

/// <summary>
/// A vendor's program that exports: writes a recorded file line by line in lab time, slowly, and on demand anew or with rotation. Knows nothing of the
/// format; every byte is the recorded file's.
/// </summary>
public sealed class FolderWriter : ISimulatedInstrument
{
    private readonly FolderWriterOptions _options;
    private readonly SimulatedLabTime _time;
    private readonly Random _random;
    private readonly List<byte[]> _lines;
    private readonly string _file;
    private int _begin;
    private int _rotations;
    private volatile string _state = "idle";
    private long _written;

    /// <summary>Reads the recorded file and makes the folder.</summary>
    /// <exception cref="IOException">When the one cannot be read or the other not be made.</exception>
    public FolderWriter(string id, FolderWriterOptions options, int seed, SimulatedLabTime time)
    {
        (Id, _options, _time, _random) = (id, options, time, new Random(seed));
        _lines = Lines(File.ReadAllBytes(options.Replay));
        if (_lines.Count <= options.HeaderLines)
            throw new ConfigException($"{id}: folder.replay '{options.Replay}' has no line after its {options.HeaderLines} header lines");
        Directory.CreateDirectory(options.Path);
        _file = Path.Combine(options.Path, options.File);
    }

    /// <inheritdoc/>
    public string Id { get; }

    /// <inheritdoc/>
    public string Address => _file;

    /// <inheritdoc/>
    public InstrumentStats Stats => new()
    {
        Id = Id,
        Type = InstrumentConfig.FolderWriter,
        Address = Address,
        State = _state,
        Finished = _state == "finished",
        Published = Interlocked.Read(ref _written),
    };

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            _state = "running";
            await WriteAsync(cancel).ConfigureAwait(false);
            _state = "finished";
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Stopped: the file stays as far as it has been written, perhaps within a line.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private async Task WriteAsync(CancellationToken cancel)
    {
        var due = _time.Now;
        Begin(_options.HeaderLines);
        for (var line = _options.HeaderLines; line < _lines.Count; line++)
        {
            due = due.AddSeconds(_options.LineSeconds);
            await AppendAsync(_lines[line], due, cancel).ConfigureAwait(false);
            Interlocked.Increment(ref _written);
            var records = line - _options.HeaderLines + 1;
            if (line == _lines.Count - 1)
                return;
            if (_options.RotateEvery > 0 && records % _options.RotateEvery == 0)
                Rotate(line + 1);
            else if (_options.RewriteEvery > 0 && records % _options.RewriteEvery == 0)
                await RewriteAsync(line + 1, due, cancel).ConfigureAwait(false);
        }
    }

    private async Task AppendAsync(byte[] line, DateTimeOffset due, CancellationToken cancel)
    {
        var cuts = Enumerable.Range(1, _options.Pieces - 1).Select(_ => _random.Next(line.Length + 1)).Order().Append(line.Length);
        var from = 0;
        var piece = 0;
        foreach (var to in cuts)
        {
            await _time.DelayUntil(due.AddSeconds(_options.LineSeconds * ((++piece / (double)_options.Pieces) - 1)), cancel).ConfigureAwait(false);
            Append(line.AsSpan(from, to - from));
            from = to;
        }
    }

    // Truncated first, then half of it, then all: as a program that exports again into the same file.
    private async Task RewriteAsync(int end, DateTimeOffset due, CancellationToken cancel)
    {
        Begin(_begin + ((end - _begin) / 2));
        await _time.DelayUntil(due.AddSeconds(_options.LineSeconds / 2), cancel).ConfigureAwait(false);
        for (var line = _begin + ((end - _begin) / 2); line < end; line++) Append(_lines[line]);
    }

    private void Rotate(int next)
    {
        File.Move(_file, Path.Combine(_options.Path, $"{Path.GetFileNameWithoutExtension(_options.File)}-{++_rotations}{Path.GetExtension(_options.File)}"), overwrite: true);
        _begin = next;
        Begin(next);
    }

    // The file from nothing: header, and the lines that belong to this file up to (not with) end.
    private void Begin(int end)
    {
        using var stream = new FileStream(_file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        for (var line = 0; line < Math.Min(_options.HeaderLines, _lines.Count); line++) stream.Write(_lines[line]);
        for (var line = Math.Max(_begin, _options.HeaderLines); line < end; line++) stream.Write(_lines[line]);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        using var stream = new FileStream(_file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        stream.Write(bytes);
    }

    private static List<byte[]> Lines(byte[] bytes)
    {
        var lines = new List<byte[]>();
        for (var from = 0; from < bytes.Length;)
        {
            var end = Array.IndexOf(bytes, (byte)'\n', from);
            var next = end < 0 ? bytes.Length : end + 1;
            lines.Add(bytes[from..next]);
            from = next;
        }
        return lines;
    }
}
