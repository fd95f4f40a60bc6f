namespace BattKomp.Lab.Server.Platform;

/// <summary>A page of what the caller may see. Hidden rows do not count, so that a short page never tells that something is hidden.</summary>
internal static class VisiblePage
{
    /// <summary>Reads on from <paramref name="after"/> until the page is full or the rows end; the token is empty on the last page.</summary>
    internal static async Task<(List<T> Page, string Next)> ReadAsync<T>(
        Func<string, int, Task<List<T>>> read, Func<T, bool> sees, Func<T, string> key, int size, string after)
    {
        var page = new List<T>();
        while (true)
        {
            var rows = await read(after, size + 1);
            foreach (var row in rows.Where(sees))
            {
                if (page.Count == size) return (page, Paging.Token(key(page[^1])));
                page.Add(row);
            }
            if (rows.Count <= size) return (page, "");
            after = key(rows[^1]);
        }
    }
}
