src=open('drafts/stock_market_numbers.py').read()
exec(src.split("# %%  rules")[0])
e=src.split("# %% cross-section")[1]
days=stocks.loc["1991":].index
defs="def book(score"+e.split("def book(score")[1].split("from scipy.stats")[0]
exec(defs)
log=np.log(stocks)
for nm,sc in {"vol expanding":moves.expanding(252).std(),"vol 252":moves.rolling(252).std(),"mean return so far":log/np.arange(1,len(log)+1)[:,None]*0+ (log-log.iloc[0]), "low price":-stocks}.items():
    w=book(sc.loc[days],5); g,t=account(w,5); print(nm,sharpe(g),round(t.mean(),4),[round(float(sharpe(g.loc[a:b])["value"]),2) for a,b in (("2000","2007"),("2008","2015"),("2016","2022"))], w.mean().round(1).to_dict())
tot=(stocks.iloc[-1]/stocks.iloc[0])**(1/33)-1; i=load("sp500_index")["SP500"]; bi=(i.iloc[-1]/i.iloc[0])**(1/33)-1
print((tot>bi).sum(),(tot>bi+.021).sum(),tot.median(),bi)
