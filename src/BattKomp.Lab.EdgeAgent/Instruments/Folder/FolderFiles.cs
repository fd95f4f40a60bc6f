using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>
/// Which file is which: by its name and by the mark of its first row, so that a renamed file goes on, a new file under an old name begins anew, and a copy
/// of a file that is being read is not a second measurement.
/// </summary>
internal sealed class FolderFiles(TailParts parts)
{
    private readonly Dictionary<string, FileTail> _tails = [];
    private readonly Dictionary<string, (FolderFile File, FolderHead Head)> _heads = [];
    private readonly Dictionary<string, string> _problems = [];

    /// <summary>Why a file cannot be read, or null.</summary>
    public string? Problem => _problems.Values.FirstOrDefault() ?? _tails.Values.Select(t => t.Problem).FirstOrDefault(p => p is not null);

    /// <summary>Gives each file of a look its tail.</summary>
    public async Task MatchAsync(List<FolderFile> files)
    {
        var marks = Look(files);
        var lost = _tails.Where(t => !files.Exists(f => f.Name == t.Key) || (marks.TryGetValue(t.Key, out var m) && (m.Head.Mark.Length > 0 ? m.Head.Mark != t.Value.Mark : Elsewhere(t.Key, t.Value)))).ToList();
        foreach (var (name, _) in lost)
            _tails.Remove(name);
        foreach (var (name, (file, found)) in marks.Where(m => m.Value.Head.Mark.Length > 0))
        {
            if (_tails.TryGetValue(name, out var tail))
                tail.MoveTo(file);
            else if (Moved(lost, found.Mark) is { } moved)
                Adopt(lost, moved, file);
        }
        foreach (var (_, tail) in lost)
            await LoseAsync(tail);
        foreach (var (file, found) in marks.Values.Where(m => m.Head.Mark.Length > 0 && !_tails.ContainsKey(m.File.Name)).OrderByDescending(m => Known(m.File.Name, m.Head.Mark)).ToList())
            _tails[file.Name] = Begin(file, found);
    }

    /// <summary>Reads one piece of each file that has more. True when something is left.</summary>
    public async Task<bool> ReadAsync(ChannelLease? lease)
    {
        var more = false;
        foreach (var tail in _tails.Values.Where(t => t.Behind).OrderBy(t => t.File.Written).ToList())
        {
            // A copy waits until the file that it may be a copy of has been read.
            if (tail.Twin is { Behind: true })
                more = true;
            else
                more |= await ReadOneAsync(tail, lease);
        }
        return more;
    }

    /// <summary>Closes the streams that belong to a run.</summary>
    public Task CloseRunAsync(string run, string reason) => Task.WhenAll(_tails.Values.Where(t => t.OpenRun == run).Select(t => t.CloseAsync(reason)));

    /// <summary>Closes every stream.</summary>
    public Task CloseAsync(string reason) => Task.WhenAll(_tails.Values.Select(t => t.CloseAsync(reason)));

    private async Task<bool> ReadOneAsync(FileTail tail, ChannelLease? lease)
    {
        try
        {
            var more = await tail.ReadAsync(lease);
            if (_heads.TryGetValue(tail.File.Name, out var known))
                Judge(known.File, known.Head);
            return more;
        }
        catch (FileNotFoundException)
        {
            // Renamed or deleted since the look; the next one tells which.
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _problems[tail.File.Name] = $"{tail.File.Name}: {e.Message}";
            return false;
        }
    }

    private Dictionary<string, (FolderFile File, FolderHead Head)> Look(List<FolderFile> files)
    {
        foreach (var gone in _heads.Keys.Except(files.Select(f => f.Name)).ToList())
        {
            _heads.Remove(gone);
            _problems.Remove(gone);
        }
        foreach (var file in files)
        {
            if (_heads.TryGetValue(file.Name, out var known) && known.File == file)
                continue;
            try
            {
                using var stream = file.Open();
                _heads[file.Name] = (file, FolderHead.Of(stream, parts.Settings));
                Judge(file, _heads[file.Name].Head);
            }
            catch (FileNotFoundException)
            {
                _heads.Remove(file.Name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _heads.Remove(file.Name);
                _problems[file.Name] = $"{file.Name}: {e.Message}";
            }
        }
        return _heads;
    }

    private void Judge(FolderFile file, FolderHead found)
    {
        var problem = found.Failure?.ToString() ?? (found.Mark.Length == 0 && found.Full
            ? $"the content is of no known format{(parts.Settings.Format == "auto" ? "" : $" of {parts.Settings.Format}")}. Export it as text, or narrow the glob." : null);
        if (problem is null)
            _problems.Remove(file.Name);
        else
            _problems[file.Name] = $"{file.Name}: {problem}";
    }

    // A file that has no row now has been emptied, to be written anew or after its content went under another name.
    private bool Elsewhere(string name, FileTail tail) =>
        _heads.Any(h => h.Key != name && h.Value.Head.Mark == tail.Mark && (!_tails.TryGetValue(h.Key, out var other) || other.Twin == tail));

    private static FileTail? Moved(List<KeyValuePair<string, FileTail>> lost, string mark) => lost.Select(t => t.Value).FirstOrDefault(t => t.Mark == mark);

    private void Adopt(List<KeyValuePair<string, FileTail>> lost, FileTail tail, FolderFile file)
    {
        lost.RemoveAll(t => t.Value == tail);
        tail.MoveTo(file);
        _tails[file.Name] = tail;
    }

    // A copy that waited takes the place of the file that is gone.
    private async Task LoseAsync(FileTail tail)
    {
        if (_tails.FirstOrDefault(t => t.Value.Twin == tail) is { Value: { } copy } heir)
        {
            tail.MoveTo(copy.File);
            _tails[heir.Key] = tail;
            return;
        }
        tail.Event(StreamEvent.Types.Kind.Note, "file_gone", $"{tail.File.Name} is no longer there");
        await tail.CloseAsync("file_gone");
    }

    private bool Known(string name, string mark) => Source(name, mark).Source is not null;

    private (SourceTrack? Source, int Generation) Source(string name, string mark)
    {
        var known = parts.Context.Journal.Query(s => s.Sources(parts.Channel).ToDictionary(t => t.Identity));
        var generation = 1;
        while (known.ContainsKey(FileTail.IdentityOf(name, mark, generation + 1)))
            generation++;
        return (known.GetValueOrDefault(FileTail.IdentityOf(name, mark, generation)), generation);
    }

    private FileTail Begin(FolderFile file, FolderHead found)
    {
        var taken = _tails.Values.Select(t => t.Identity).ToHashSet();
        var (source, generation) = Source(file.Name, found.Mark);
        if (source is not null && !taken.Contains(source.Identity))
        {
            var same = new FileTail(parts, file, found, file.Name, generation);
            same.Resume(source);
            return same;
        }
        var renamed = parts.Context.Journal.Query(s => s.Sources(parts.Channel).LastOrDefault(t => Mark(t.Identity) == found.Mark && !taken.Contains(t.Identity)));
        if (renamed is not null)
        {
            var (name, number) = Parse(renamed.Identity);
            var tail = new FileTail(parts, file, found, name, number);
            tail.Resume(renamed);
            return tail;
        }
        while (taken.Contains(FileTail.IdentityOf(file.Name, found.Mark, generation)))
            generation++;
        return new FileTail(parts, file, found, file.Name, generation) { Twin = _tails.Values.FirstOrDefault(t => t.Mark == found.Mark && t.Twin is null) };
    }

    private static string Mark(string identity) => identity.LastIndexOf('#') is var at and >= 0 ? identity[(at + 1)..].Split('~')[0] : "";

    private static (string Name, int Generation) Parse(string identity)
    {
        var at = identity.LastIndexOf('#');
        var parts = identity[(at + 1)..].Split('~');
        return (identity[..at], parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1);
    }
}
