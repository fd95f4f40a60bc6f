namespace BattKomp.Lab.Simulators.Instruments.Folder;

/// <summary>How a recorded export grows again. Field names are snake_case.</summary>
public sealed record FolderWriterOptions
{
    /// <summary>Folder to write into; made when missing.</summary>
    public string Path { get; init; } = "";

    /// <summary>Name of the growing file.</summary>
    public string File { get; init; } = "export.csv";

    /// <summary>The recorded export to write.</summary>
    public string Replay { get; init; } = "";

    /// <summary>Lines before the first record: written at once, and again at the head of each file after a rotation.</summary>
    public int HeaderLines { get; init; } = 1;

    /// <summary>Lab seconds between two lines.</summary>
    public double LineSeconds { get; init; } = 1;

    /// <summary>A line is written in this many pieces, cut anywhere (a slow writer).</summary>
    public int Pieces { get; init; } = 1;

    /// <summary>After this many lines the file is truncated and written anew from its beginning, as a repeated export does; 0 = never.</summary>
    public int RewriteEvery { get; init; }

    /// <summary>After this many lines the file is renamed and another begun; 0 = never.</summary>
    public int RotateEvery { get; init; }

    /// <summary>Names the first field that cannot be, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        Path.Length == 0 ? "path is missing; name the folder to write into"
        : File.Length == 0 || File.Contains('/') || File.Contains('\\') ? $"file '{File}' must be a plain name"
        : !System.IO.File.Exists(Replay) ? $"replay '{Replay}' is no file; name a recorded export"
        : HeaderLines < 0 ? "header_lines must be 0 or more"
        : LineSeconds is not (> 0 and < 1e6) ? "line_seconds must be above 0"
        : Pieces is < 1 or > 1000 ? "pieces must be from 1 to 1000"
        : RewriteEvery < 0 ? "rewrite_every must be 0 or more"
        : RotateEvery < 0 ? "rotate_every must be 0 or more"
        : null;
}
